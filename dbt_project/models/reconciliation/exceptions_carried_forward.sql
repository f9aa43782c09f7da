{{ config(tags=['closing']) }}

-- Opening + new − closed ± revalued = closing, in count and currency, per company and currency.
-- Opening is read from what was recorded and closing from what is found, so that the sum proves
-- something.
with

clock as (

    select * from {{ ref('int_clock') }}

),

exceptions as (

    select * from {{ ref('exceptions') }}

),

opening_run as (

    select * from {{ ref('int_weeks__opening') }}

),

opened_with as (

    select
        recorded.company_id,
        recorded.currency_code,
        count(*) as opening_count,
        sum(recorded.value_at_stake) as opening_amount
    from {{ source('raw_state', 'recorded_exception') }} as recorded
    inner join opening_run on recorded.run_number = opening_run.run_number
    group by all

),

moved as (

    select
        company_id,
        currency_code,
        count(*) filter (where movement = 'new') as new_count,
        count(*) filter (where movement = 'closed') as closed_count,
        count(*) filter (where movement != 'closed') as closing_count,
        sum(value_at_stake) filter (where movement = 'new') as new_amount,
        sum(opening_amount) filter (where movement = 'closed') as closed_amount,
        sum(value_at_stake - coalesce(opening_amount, 0)) filter (where movement = 'carried')
            as revalued_amount,
        sum(value_at_stake) filter (where movement != 'closed') as closing_amount
    from exceptions
    group by all

),

final as (

    select
        coalesce(moved.company_id, opened_with.company_id) as company_id,
        coalesce(moved.currency_code, opened_with.currency_code) as currency_code,
        clock.closing_week as week,
        opening_run.week as opening_week,
        cast(coalesce(opened_with.opening_count, 0) as integer) as opening_count,
        cast(coalesce(moved.new_count, 0) as integer) as new_count,
        cast(coalesce(moved.closed_count, 0) as integer) as closed_count,
        cast(coalesce(moved.closing_count, 0) as integer) as closing_count,
        cast(coalesce(opened_with.opening_amount, 0) as decimal(18, 2)) as opening_amount,
        cast(coalesce(moved.new_amount, 0) as decimal(18, 2)) as new_amount,
        cast(coalesce(moved.closed_amount, 0) as decimal(18, 2)) as closed_amount,
        cast(coalesce(moved.revalued_amount, 0) as decimal(18, 2)) as revalued_amount,
        cast(coalesce(moved.closing_amount, 0) as decimal(18, 2)) as closing_amount
    from moved
    full outer join opened_with
        on
            moved.company_id is not distinct from opened_with.company_id
            and moved.currency_code is not distinct from opened_with.currency_code
    cross join clock
    cross join opening_run

)

select * from final
