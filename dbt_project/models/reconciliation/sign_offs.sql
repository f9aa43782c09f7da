{{ config(tags=['closing']) }}

-- One row per recorded week: its figures' hash, who prepared and reviewed it, and whether that
-- still holds. A change under a signed week opens it again.
with

weeks as (

    select * from {{ ref('int_weeks__signed') }}

),

runs as (

    select * from {{ source('raw_state', 'recorded_run') }}

),

recorded as (

    select
        run_number,
        count(*) as exceptions,
        count(*) filter (where is_material) as material_exceptions
    from {{ source('raw_state', 'recorded_exception') }}
    group by run_number

),

blockers as (

    select
        week,
        count(*) as blockers
    from {{ ref('sign_off_blockers') }}
    group by week

),

changes as (

    select
        week,
        count(*) as changes
    from {{ ref('changes_after_sign_off') }}
    group by week

),

final as (

    select
        weeks.week,
        cast(runs.run_number as integer) as run_number,
        runs.as_of_at,
        runs.known_at,
        runs.recorded_at,
        runs.figures_hash,
        runs.rules_hash,
        runs.page_hash,
        runs.is_concluded,
        cast(coalesce(recorded.exceptions, 0) as integer) as exceptions,
        cast(coalesce(recorded.material_exceptions, 0) as integer) as material_exceptions,
        weeks.prepared.who as prepared_by,
        weeks.prepared.at as prepared_at,
        weeks.reviewed.who as reviewed_by,
        weeks.reviewed.at as reviewed_at,
        cast(coalesce(blockers.blockers, 0) as integer) as blockers,
        cast(coalesce(changes.changes, 0) as integer) as changes,
        case
            when weeks.reviewed is not null and coalesce(changes.changes, 0) > 0 then 'reopened'
            when weeks.reviewed is not null and signed.figures_hash != runs.figures_hash
                then 'reopened'
            when weeks.reviewed is not null then 'signed'
            when weeks.prepared is not null then 'prepared'
            when coalesce(blockers.blockers, 0) > 0 then 'blocked'
            else 'ready'
        end as sign_off_state
    from weeks
    inner join runs on weeks.last_run_number = runs.run_number
    left join runs as signed on weeks.reviewed.run_number = signed.run_number
    left join recorded on runs.run_number = recorded.run_number
    left join blockers on weeks.week = blockers.week
    left join changes on weeks.week = changes.week

)

select * from final
