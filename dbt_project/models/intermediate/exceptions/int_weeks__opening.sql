{{ config(tags=['closing']) }}

-- One row: the recorded run that the week opens with, the last one of an earlier week. Nothing is
-- known of it before the first.
with

clock as (

    select * from {{ ref('int_clock') }}

),

runs as (

    select * from {{ source('raw_state', 'recorded_run') }}

),

final as (

    select
        max(runs.run_number) as run_number,
        arg_max(runs.week, runs.run_number) as week
    from runs
    cross join clock
    where runs.week < clock.closing_week

)

select * from final
