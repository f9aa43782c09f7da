-- What was to be billed against what was billed: for every plan step of a billable deal what has
-- been invoiced and credited, and its outcome, exactly one. Kept narrow, because it is the one
-- comparison of everything with everything; int_reconciliation__steps adds what is told of it.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}
    where is_billable

),

documents as not materialized (

    select * from {{ ref('int_reconciliation__documents') }}
    where deal_id is not null

),

links as not materialized (

    select * from {{ ref('int_invoices__linked_to_deals') }}

),

-- At most one for a step; a step may have misplaced ones beside it.
documents_alone as (

    select
        org_id,
        deal_id,
        plan_step,
        amount,
        invoice_on,
        line_count,
        placement = 'duplicate' as is_duplicate,
        {{ is_billing() }} as is_billed
    from documents
    where is_alone

),

documents_summed as (

    select
        org_id,
        deal_id,
        plan_step,
        {{ documents_together() }}
    from documents
    where not is_alone
    group by org_id, deal_id, plan_step

),

credits_summed as (

    select
        org_id,
        deal_id,
        plan_step,
        sum(credited_amount) as credited_amount
    from {{ ref('int_credits__allocated') }}
    group by org_id, deal_id, plan_step

),

candidates as (

    select
        org_id,
        deal_id,
        plan_step,
        count(distinct company_id || ':' || invoice_id) as candidates
    from links
    where match_state = 'ambiguous' and is_live
    group by org_id, deal_id, plan_step

),

-- What only few steps have, in one place, so that all the others pay for it once; the sums become
-- small numbers here, where they are few.
seldom as (

    select
        org_id,
        deal_id,
        plan_step,
        cast(max(documents) as integer) as documents,
        cast(max(documents_billed) as integer) as documents_billed,
        cast(max(invoiced_amount) as decimal(18, 2)) as invoiced_amount,
        cast(max(lines_billed) as integer) as lines_billed,
        cast(max(duplicate_amount) as decimal(18, 2)) as duplicate_amount,
        min(first_invoice_on) as first_invoice_on,
        cast(max(credited_amount) as decimal(18, 2)) as credited_amount,
        cast(max(candidates) as integer) as candidates,
        any_value(gone_on) as gone_on,
        coalesce(bool_or(is_gone), false) as is_gone
    from (
        select * from documents_summed
        union all by name
        select * from credits_summed
        union all by name
        select
            org_id,
            deal_id,
            plan_step,
            predecessor.gone_on,
            true as is_gone
        from {{ ref('int_reconciliation__predecessors') }}
        union all by name
        select * from candidates
    ) as each_kind
    group by org_id, deal_id, plan_step

),

steps_joined as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        steps.company_id,
        steps.currency_code,
        steps.amount,
        clock.as_of_on,
        steps.due_on <= clock.as_of_on as is_due,
        steps.past_grace_on < clock.as_of_on as is_past_grace,
        case when alone.deal_id is null then 0 else 1 end + coalesce(seldom.documents, 0)
            as documents,
        case when alone.is_billed then 1 else 0 end + coalesce(seldom.documents_billed, 0)
            as documents_billed,
        cast(
            case when alone.is_billed then alone.amount else 0 end
            + coalesce(seldom.invoiced_amount, 0) as decimal(18, 2)
        ) as invoiced_amount,
        cast(
            case when alone.is_duplicate then alone.amount else 0 end
            + coalesce(seldom.duplicate_amount, 0) as decimal(18, 2)
        ) as duplicate_amount,
        cast(coalesce(seldom.credited_amount, 0) as decimal(18, 2)) as credited_amount,
        cast(
            case when alone.is_billed then alone.line_count else 0 end
            + coalesce(seldom.lines_billed, 0) as integer
        ) as lines_billed,
        least(
            case when alone.is_billed then alone.invoice_on end, seldom.first_invoice_on
        ) as first_invoice_on,
        seldom.gone_on,
        coalesce(seldom.is_gone, false) as is_gone,
        coalesce(seldom.candidates, 0) as candidates
    from steps
    cross join clock
    left join documents_alone as alone
        on
            steps.org_id = alone.org_id
            and steps.deal_id = alone.deal_id
            and steps.plan_step = alone.plan_step
    left join seldom
        on
            steps.org_id = seldom.org_id
            and steps.deal_id = seldom.deal_id
            and steps.plan_step = seldom.plan_step

),

steps_judged as (

    select
        *,
        {{ no_difference('amount', 'lines_billed') }} as tolerance,
        {{ step_outcome('candidates > 0', 'is_gone', 'gone_on') }} as outcome,
        {{ is_duplicate_settled() }} as is_duplicate_settled
    from steps_joined

),

final as (

    select
        * exclude (
            company_id, currency_code, as_of_on, is_due, is_past_grace, gone_on, is_gone
        ),
        {{ net_invoiced() }} as net_invoiced_amount
    from steps_judged

)

select * from final
