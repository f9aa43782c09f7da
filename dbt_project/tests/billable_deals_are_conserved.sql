-- Billable deals = invoiced + to be invoiced + blocked + not due, deal by deal, in cents; and the
-- plan holds exactly the steps that are to be invoiced or blocked.
with

deals as (

    select * from {{ ref('int_deals__billable') }}
    where is_billable

),

coverage as (

    select * from {{ ref('deal_coverage') }}

),

planned as (

    select * from {{ ref('sync_invoices') }}

),

covered as (

    select
        org_id,
        deal_id,
        sum(invoiced_amount + to_be_invoiced_amount + blocked_amount + not_due_amount) as amount
    from coverage
    group by org_id, deal_id

),

deals_lost as (

    select
        coalesce(deals.deal_id, covered.deal_id) as deal_id,
        'not conserved' as problem
    from deals
    full outer join covered
        on deals.org_id = covered.org_id and deals.deal_id = covered.deal_id
    where deals.basis_amount is distinct from covered.amount

),

steps_lost as (

    select
        coalesce(coverage.deal_id, planned.deal_id) as deal_id,
        'planned otherwise than covered' as problem
    from (
        select * from coverage
        where coverage_state in ('to_be_invoiced', 'blocked')
    ) as coverage
    full outer join planned
        on
            coverage.org_id = planned.org_id
            and coverage.deal_id = planned.deal_id
            and coverage.plan_step = planned.plan_step
    where
        coverage.amount is distinct from planned.amount
        or (coverage.coverage_state = 'to_be_invoiced')
        is distinct from (planned.blocked_reason is null)

)

select * from deals_lost
union all
select * from steps_lost
