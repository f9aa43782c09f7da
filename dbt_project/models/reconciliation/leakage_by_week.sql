-- Leakage by the week in which the plan step fell due, for the last 26 weeks; a week without
-- leakage is there with nothing.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

mismatches as (

    select * from {{ ref('mismatches') }}
    where mismatch_class in {{ leaking_classes() }}

),

weeks as (

    select
        cast(unnest(
            generate_series(
                date_trunc('week', as_of_on) - to_weeks(25),
                date_trunc('week', as_of_on),
                to_weeks(1)
            )
        ) as date) as week_on
    from clock

),

books as (

    select distinct
        coalesce(company_id, 'not routed') as company_id,
        currency_code
    from steps

),

steps_leaking as (

    select
        coalesce(steps.company_id, 'not routed') as company_id,
        steps.currency_code,
        cast(date_trunc('week', steps.due_on) as date) as week_on,
        sum(mismatches.value_at_stake) as amount,
        count(*) as steps
    from mismatches
    inner join steps
        on
            mismatches.org_id = steps.org_id
            and mismatches.deal_id = steps.deal_id
            and mismatches.plan_step = steps.plan_step
    group by all

),

final as (

    select
        books.company_id,
        books.currency_code,
        weeks.week_on,
        cast(coalesce(steps_leaking.amount, 0) as decimal(18, 2)) as amount,
        cast(coalesce(steps_leaking.steps, 0) as integer) as steps
    from books
    cross join weeks
    left join steps_leaking
        on
            books.company_id = steps_leaking.company_id
            and books.currency_code = steps_leaking.currency_code
            and weeks.week_on = steps_leaking.week_on

)

select * from final
