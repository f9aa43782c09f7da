{{ config(tags=['closing']) }}

-- What somebody has to do something about, with its materiality: alone, or together with others
-- of its class in the same books.
with

clock as (

    select * from {{ ref('int_clock') }}

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

mismatches as (

    select
        mismatches.* replace (
            {{ stake_currency('mismatches') }} as currency_code
        )
    from {{ ref('mismatches') }} as mismatches
    left join companies on mismatches.company_id = companies.company_id
    where {{ is_exception('mismatches.severity') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}
    where is_billable

),

-- What fell due in the month up to the as-of moment: the period that a share is taken of.
periods_billed as (

    select
        steps.company_id,
        steps.currency_code,
        sum(steps.amount) as billed_amount
    from steps
    cross join clock
    where steps.due_on > clock.as_of_on - 31 and steps.due_on <= clock.as_of_on
    group by steps.company_id, steps.currency_code

),

floors as (

    select
        mismatches.*,
        {{ materiality('coalesce(periods_billed.billed_amount, 0)', 'mismatches') }}
            as floor_amount,
        sum(mismatches.value_at_stake) over books_class as class_amount
    from mismatches
    left join periods_billed
        on
            mismatches.company_id = periods_billed.company_id
            and mismatches.currency_code = periods_billed.currency_code
    window books_class as (
        partition by mismatches.company_id, mismatches.currency_code, mismatches.mismatch_class
    )

),

final as (

    select
        mismatch_id as exception_id,
        * exclude (mismatch_id, class_amount, floor_amount),
        cast(floor_amount as decimal(18, 2)) as materiality_amount,
        {{ is_material("cast('" ~ var('materiality_together', '3') ~ "' as decimal(9, 2))") }}
            as is_material
    from floors

)

select * from final
