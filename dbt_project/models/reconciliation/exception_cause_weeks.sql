{{ config(tags=['closing']) }}

-- How each root cause moves over the last 13 weeks: what the last run of a week found, and what
-- runs of that week no longer found. The week that is being closed is as of now. A week of which no
-- run was recorded is there with nothing known, not with nought.
with

runs as (

    select * from {{ ref('int_exceptions__runs') }}

),

sightings as (

    select * from {{ ref('int_exceptions__sightings') }}

),

present as (

    select cast(strptime(week || '-1', '%G-W%V-%u') as date) as week_on
    from runs
    where is_present

),

weeks_shown as (

    select
        strftime(
            unnest(generate_series(week_on - to_weeks(12), week_on, to_weeks(1))),
            '%G-W%V'
        ) as week
    from present

),

weeks as (

    select
        weeks_shown.week,
        max(runs.place) as last_place
    from weeks_shown
    left join runs on weeks_shown.week = runs.week
    group by weeks_shown.week

),

moves as (

    select
        weeks.week,
        sightings.root_cause,
        sightings.company_id,
        sightings.currency_code,
        sightings.value_at_stake as open_amount,
        cast(null as decimal(18, 2)) as closed_amount,
        true as is_open
    from sightings
    inner join weeks on sightings.place = weeks.last_place
    union all
    select
        weeks.week,
        sightings.root_cause,
        sightings.company_id,
        sightings.currency_code,
        null as open_amount,
        sightings.value_at_stake as closed_amount,
        false as is_open
    from sightings
    inner join runs on sightings.place + 1 = runs.place
    inner join weeks on runs.week = weeks.week
    where sightings.is_end

),

books as (

    select distinct
        root_cause,
        company_id,
        currency_code
    from moves

),

final as (

    select
        books.root_cause,
        books.company_id,
        books.currency_code,
        weeks.week,
        any_value(weeks.last_place) is not null as is_recorded,
        cast(if(is_recorded, count(*) filter (where moves.is_open), null) as integer)
            as open_count,
        cast(if(is_recorded, coalesce(sum(moves.open_amount), 0), null) as decimal(18, 2))
            as open_amount,
        cast(if(is_recorded, count(*) filter (where not moves.is_open), null) as integer)
            as closed_count,
        cast(if(is_recorded, coalesce(sum(moves.closed_amount), 0), null) as decimal(18, 2))
            as closed_amount
    from books
    cross join weeks
    left join moves
        on
            weeks.week = moves.week
            and books.root_cause is not distinct from moves.root_cause
            and books.company_id is not distinct from moves.company_id
            and books.currency_code is not distinct from moves.currency_code
    group by books.root_cause, books.company_id, books.currency_code, weeks.week

)

select * from final
