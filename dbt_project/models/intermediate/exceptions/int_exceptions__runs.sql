{{ config(tags=['closing']) }}

-- The recorded runs in their order with the week each is of. What is found now comes after all of
-- them, and is of the week that is being closed.
with

clock as (

    select * from {{ ref('int_clock') }}

),

recorded as (

    select
        run_number,
        week,
        row_number() over (order by run_number) as place
    from {{ source('raw_state', 'recorded_run') }}

),

final as (

    select
        run_number,
        week,
        place,
        false as is_present
    from recorded
    union all
    select
        null as run_number,
        closing_week as week,
        (select count(*) + 1 from recorded) as place,
        true as is_present
    from clock

)

select * from final
