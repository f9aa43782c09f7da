{{ config(tags=['closing']) }}

-- What keeps a recorded week from being signed, one row per reason.
with

clock as (

    select * from {{ ref('int_clock') }}

),

weeks as (

    select * from {{ ref('int_weeks__signed') }}

),

runs as (

    select * from {{ source('raw_state', 'recorded_run') }}

),

recorded as (

    select * from {{ source('raw_state', 'recorded_exception') }}

),

lives as (

    select * from {{ ref('int_exceptions__lives') }}

),

-- What each week opened with: the last run of any week before it.
opening_runs as (

    select
        weeks.week,
        weeks.last_run_number,
        max(runs.run_number) as opening_run_number
    from weeks
    left join runs on weeks.week > runs.week
    group by weeks.week, weeks.last_run_number

),

not_concluded as (

    select
        weeks.week,
        cast(null as varchar) as exception_id,
        cast(null as varchar) as mismatch_class,
        cast(null as varchar) as currency_code,
        cast(null as decimal(18, 2)) as value_at_stake,
        'The data of this week were not concluded' as reason
    from weeks
    inner join runs on weeks.last_run_number = runs.run_number
    where not runs.is_concluded

),

unexplained as (

    select
        weeks.week,
        recorded.exception_id,
        recorded.mismatch_class,
        recorded.currency_code,
        recorded.value_at_stake,
        case
            when lives.word.event = 'accept' then 'Accepted for less, or not any more'
            else 'Material and not explained'
        end as reason
    from weeks
    inner join recorded on weeks.last_run_number = recorded.run_number
    inner join lives on recorded.exception_id = lives.exception_id
    cross join clock
    where
        recorded.is_material
        and (
            lives.word is null
            or lives.word.event = 'reopen'
            or (
                lives.word.event = 'accept'
                and not {{ is_accepted('lives.word', 'recorded.value_at_stake', 'clock.as_of_on') }}
            )
        )

),

closed_without_cause as (

    select
        opening_runs.week,
        opened.exception_id,
        opened.mismatch_class,
        opened.currency_code,
        opened.value_at_stake,
        'Closed without a root cause' as reason
    from opening_runs
    inner join recorded as opened on opening_runs.opening_run_number = opened.run_number
    left join recorded as closing
        on
            opening_runs.last_run_number = closing.run_number
            and opened.exception_id = closing.exception_id
    inner join lives on opened.exception_id = lives.exception_id
    where closing.exception_id is null and opened.is_material and lives.root_cause is null

),

final as (

    select * from not_concluded
    union all
    select * from unexplained
    union all
    select * from closed_without_cause

)

select * from final
