{{ config(tags=['closing']) }}

-- What exceptions come from, and whether it came again: per root cause, company and currency those
-- that are open, those that a later run no longer found, and those that began after the first of
-- them had been closed.
with

sightings as (

    select * from {{ ref('int_exceptions__sightings') }}

),

first_closings as (

    select
        root_cause,
        company_id,
        currency_code,
        min(place + 1) as place
    from sightings
    where is_end
    group by root_cause, company_id, currency_code

),

final as (

    select
        sightings.root_cause,
        sightings.company_id,
        sightings.currency_code,
        cast(count(*) filter (where sightings.is_present) as integer) as open_count,
        cast(coalesce(
            sum(sightings.value_at_stake) filter (where sightings.is_present), 0
        ) as decimal(18, 2)) as open_amount,
        cast(count(*) filter (where sightings.is_end) as integer) as closed_count,
        cast(coalesce(
            sum(sightings.value_at_stake) filter (where sightings.is_end), 0
        ) as decimal(18, 2)) as closed_amount,
        cast(count(*) filter (where sightings.is_return) as integer) as returned_count,
        cast(count(*) filter (
            where
            sightings.is_beginning and not sightings.is_return
            and sightings.place >= first_closings.place
        ) as integer) as repeated_count,
        cast(count(*) filter (
            where sightings.is_beginning and sightings.place >= first_closings.place
        ) / nullif(count(*) filter (where sightings.is_end), 0) as decimal(9, 2)) as recurrence
    from sightings
    left join first_closings
        on
            sightings.root_cause is not distinct from first_closings.root_cause
            and sightings.company_id is not distinct from first_closings.company_id
            and sightings.currency_code is not distinct from first_closings.currency_code
    group by sightings.root_cause, sightings.company_id, sightings.currency_code

)

select * from final
