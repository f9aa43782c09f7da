{{ config(tags=['closing']) }}

-- What exceptions come from, and whether it came again: per root cause, company and currency those
-- that are open, those that a later run no longer found, and those that began after the first of
-- them had been closed. The cause is the one given by a person, else the usual one of the class.
with

runs as (

    select
        run_number,
        row_number() over (order by run_number) as place
    from {{ source('raw_state', 'recorded_run') }}

),

-- What is found now comes after every recorded run.
present as (

    select count(*) + 1 as place from runs

),

sightings as (

    select
        recorded.exception_id,
        runs.place,
        recorded.mismatch_class,
        recorded.company_id,
        recorded.currency_code,
        recorded.value_at_stake
    from {{ source('raw_state', 'recorded_exception') }} as recorded
    inner join runs on recorded.run_number = runs.run_number
    union all
    select
        found.exception_id,
        present.place,
        found.mismatch_class,
        found.company_id,
        found.currency_code,
        found.value_at_stake
    from {{ ref('int_exceptions__found') }} as found
    cross join present

),

classes as (

    select * from {{ ref('mismatch_classes') }}

),

lives as (

    select * from {{ ref('int_exceptions__lives') }}

),

sightings_told as (

    select
        sightings.*,
        coalesce(lives.root_cause, classes.root_cause) as root_cause,
        lag(sightings.place) over life as place_before,
        lead(sightings.place) over life as place_after
    from sightings
    inner join lives on sightings.exception_id = lives.exception_id
    left join classes on sightings.mismatch_class = classes.mismatch_class
    window life as (partition by sightings.exception_id order by sightings.place)

),

-- A life begins where the run before did not find it, and ends where the run after does not.
bounds as (

    select
        sightings_told.*,
        present.place as present_place,
        coalesce(sightings_told.place_before < sightings_told.place - 1, true) as is_beginning,
        coalesce(sightings_told.place_before < sightings_told.place - 1, false) as is_return,
        sightings_told.place < present.place
        and coalesce(sightings_told.place_after > sightings_told.place + 1, true) as is_end
    from sightings_told
    cross join present

),

first_closings as (

    select
        root_cause,
        company_id,
        currency_code,
        min(place + 1) as place
    from bounds
    where is_end
    group by root_cause, company_id, currency_code

),

final as (

    select
        bounds.root_cause,
        bounds.company_id,
        bounds.currency_code,
        cast(count(*) filter (where bounds.place = bounds.present_place) as integer) as open_count,
        cast(coalesce(
            sum(bounds.value_at_stake) filter (where bounds.place = bounds.present_place), 0
        ) as decimal(18, 2)) as open_amount,
        cast(count(*) filter (where bounds.is_end) as integer) as closed_count,
        cast(coalesce(sum(bounds.value_at_stake) filter (where bounds.is_end), 0) as decimal(18, 2))
            as closed_amount,
        cast(count(*) filter (where bounds.is_return) as integer) as returned_count,
        cast(count(*) filter (
            where
            bounds.is_beginning and not bounds.is_return
            and bounds.place >= first_closings.place
        ) as integer) as repeated_count,
        cast(count(*) filter (
            where bounds.is_beginning and bounds.place >= first_closings.place
        ) / nullif(count(*) filter (where bounds.is_end), 0) as decimal(9, 2)) as recurrence
    from bounds
    left join first_closings
        on
            bounds.root_cause is not distinct from first_closings.root_cause
            and bounds.company_id is not distinct from first_closings.company_id
            and bounds.currency_code is not distinct from first_closings.currency_code
    group by bounds.root_cause, bounds.company_id, bounds.currency_code

)

select * from final
