-- One row per deal and plan step: how much is to be invoiced and when, by the schedules of its
-- lines or by the plan that it names.
-- The steps of a deal add up to its basis to the cent: each gets the whole cents of its
-- share, and the cents left over go to the largest remainders, the earlier step first.
with

deals as (

    select * from {{ ref('int_deals__billable') }}

),

plans as (

    select * from {{ ref('billing_plans') }}

),

schedules as (

    select
        org_id,
        deal_id,
        plan_step,
        any_value(due_on) as due_on,
        sum(amount) as amount
    from {{ ref('int_billing_plan__schedules') }}
    group by org_id, deal_id, plan_step
    having sum(amount) != 0

),

plans_known as (

    select distinct billing_plan from plans

),

-- A deal without a plan, or with one that nobody has described, is billed on close;
-- the second is kept back from automatic billing by is_plan_known.
deals_planned as (

    select
        deals.*,
        coalesce(plans_known.billing_plan, '{{ var("default_billing_plan", "On close") }}')
            as plan_applied,
        deals.billing_plan is null or plans_known.billing_plan is not null as is_plan_known
    from deals
    left join plans_known on deals.billing_plan = plans_known.billing_plan
    where (deals.org_id, deals.deal_id) not in (select (org_id, deal_id) from schedules)

),

steps_shared as (

    select
        deals_planned.*,
        plans.plan_step,
        plans.offset_months,
        {{ cents('deals_planned.basis_amount') }} as basis_cents,
        cast(plans.share as hugeint) as share,
        sum(cast(plans.share as hugeint)) over deal as share_sum,
        count(*) over deal as step_count
    from deals_planned
    inner join plans on deals_planned.plan_applied = plans.billing_plan
    window deal as (partition by deals_planned.org_id, deals_planned.deal_id)

),

steps_priced as (

    select
        * rename (shared_cents as step_cents),
        {{ add_months('closed_on', 'offset_months') }} as due_on
    from (
        {{ shared_by_remainder(
            'steps_shared', 'basis_cents', 'share', 'share_sum', 'org_id, deal_id', 'plan_step'
        ) }}
    ) as steps

),

steps_scheduled as (

    select
        deals.*,
        'Schedule' as plan_applied,
        true as is_plan_known,
        schedules.plan_step,
        count(*) over deal as step_count,
        row_number() over (deal order by schedules.due_on) as step_number,
        {{ cents('schedules.amount') }} as step_cents,
        schedules.due_on
    from deals
    inner join schedules
        on deals.org_id = schedules.org_id and deals.deal_id = schedules.deal_id
    window deal as (partition by deals.org_id, deals.deal_id)

),

steps_of_both as (

    select
        *,
        plan_step as step_number
    from steps_priced
    union all by name
    select * from steps_scheduled

),

final as (

    select
        org_id,
        deal_id,
        company_id,
        account_id,
        currency_code,
        plan_applied as billing_plan,
        is_plan_known,
        cast(plan_step as integer) as plan_step,
        cast(step_number as integer) as step_number,
        cast(step_count as integer) as step_count,
        closed_on,
        due_on,
        {{ add_business_days('due_on', var('grace_business_days', 5)) }} as past_grace_on,
        cast((step_cents * 0.01) as decimal(18, 2)) as amount,
        is_won,
        is_billable
    from steps_of_both

)

select * from final
