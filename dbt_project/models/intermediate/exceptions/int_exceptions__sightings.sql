{{ config(tags=['closing']) }}

-- Each exception in each recorded run that found it, and in what is found now: its root cause,
-- whether it began there, came back there, or was seen there for the last time. The cause is the
-- one given by a person, else the usual one of the class.
with

runs as (

    select * from {{ ref('int_exceptions__runs') }}

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
        runs.place,
        found.mismatch_class,
        found.company_id,
        found.currency_code,
        found.value_at_stake
    from {{ ref('int_exceptions__found') }} as found
    inner join runs on runs.is_present

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
final as (

    select
        sightings_told.exception_id,
        sightings_told.place,
        sightings_told.root_cause,
        sightings_told.company_id,
        sightings_told.currency_code,
        sightings_told.value_at_stake,
        runs.is_present,
        coalesce(sightings_told.place_before < sightings_told.place - 1, true) as is_beginning,
        coalesce(sightings_told.place_before < sightings_told.place - 1, false) as is_return,
        not runs.is_present
        and coalesce(sightings_told.place_after > sightings_told.place + 1, true) as is_end
    from sightings_told
    inner join runs on sightings_told.place = runs.place

)

select * from final
