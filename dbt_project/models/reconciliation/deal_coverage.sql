-- Where every plan step of every billable deal has ended up: invoiced, to be invoiced, blocked
-- or not due. Exactly one of the four, so that deals and cents are conserved.
with

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

planned as (

    select * from {{ ref('sync_invoices') }}

),

steps_covered as (

    select
        steps.*,
        deals.deal_name,
        deals.account_name,
        planned.blocked_reason,
        case
            when steps.documents > 0 then 'invoiced'
            when not steps.is_due then 'not_due'
            when planned.deal_id is not null and planned.blocked_reason is null
                then 'to_be_invoiced'
            else 'blocked'
        end as coverage_state
    from steps
    inner join deals on steps.org_id = deals.org_id and steps.deal_id = deals.deal_id
    left join planned
        on
            steps.org_id = planned.org_id
            and steps.deal_id = planned.deal_id
            and steps.plan_step = planned.plan_step

),

final as (

    select
        org_id,
        deal_id,
        deal_name,
        account_id,
        account_name,
        company_id,
        currency_code,
        plan_step,
        step_count,
        due_on,
        amount,
        coverage_state,
        blocked_reason,
        cast(case when coverage_state = 'invoiced' then amount else 0 end as decimal(18, 2))
            as invoiced_amount,
        cast(case when coverage_state = 'to_be_invoiced' then amount else 0 end as decimal(18, 2))
            as to_be_invoiced_amount,
        cast(case when coverage_state = 'blocked' then amount else 0 end as decimal(18, 2))
            as blocked_amount,
        cast(case when coverage_state = 'not_due' then amount else 0 end as decimal(18, 2))
            as not_due_amount
    from steps_covered

)

select * from final
