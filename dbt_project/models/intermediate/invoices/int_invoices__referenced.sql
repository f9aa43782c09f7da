-- Which deal and plan step each invoice with evidence bills.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

evidence as (

    select * from {{ ref('int_invoices__evidenced') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

-- A step that is written and in the plan stands; a one-step deal needs no word about it.
evidence_stepped as (

    select
        evidence.company_id,
        evidence.invoice_id,
        evidence.org_id,
        evidence.deal_id,
        evidence.method,
        evidence.deals_named,
        evidence.method = 'manual'
        or (
            (evidence.deals_named = 1 or evidence.is_all_together)
            and not evidence.is_returned
        ) as is_decided,
        coalesce(invoices.is_live, false) as is_live,
        invoices.net_amount,
        invoices.invoice_on,
        max(steps.plan_step) filter (
            where steps.plan_step = evidence.plan_step or steps.step_count = 1
        ) as plan_step
    from evidence
    left join invoices
        on
            evidence.company_id = invoices.company_id
            and evidence.invoice_id = invoices.invoice_id
    inner join steps
        on
            evidence.org_id = steps.org_id
            and evidence.deal_id = steps.deal_id
    group by all

),

steps_taken as (

    select distinct
        org_id,
        deal_id,
        plan_step
    from evidence_stepped
    where plan_step is not null and is_decided and is_live

),

-- The rest take the step of their amount, then the nearest by date.
step_distances as (

    select
        evidence_stepped.org_id,
        evidence_stepped.deal_id,
        evidence_stepped.company_id,
        evidence_stepped.invoice_id,
        evidence_stepped.is_live and evidence_stepped.is_decided as is_competing,
        steps.plan_step,
        steps_taken.plan_step is not null as is_taken,
        row_number() over (
            partition by evidence_stepped.org_id, evidence_stepped.deal_id
            order by
                case
                    when
                        abs(steps.amount - evidence_stepped.net_amount)
                        <= {{ tolerance('steps.amount', 'steps') }}
                        then 0
                    else 1
                end,
                abs(steps.due_on - evidence_stepped.invoice_on) nulls last,
                steps.plan_step,
                evidence_stepped.invoice_on,
                evidence_stepped.invoice_id
        ) as pair_rank
    from evidence_stepped
    inner join steps
        on evidence_stepped.org_id = steps.org_id and evidence_stepped.deal_id = steps.deal_id
    left join steps_taken
        on
            steps.org_id = steps_taken.org_id
            and steps.deal_id = steps_taken.deal_id
            and steps.plan_step = steps_taken.plan_step
    where evidence_stepped.plan_step is null

),

steps_free as (

    select * from step_distances
    where is_competing and not is_taken

),

assigned as (

    {{ assign_steps('steps_free') }} -- noqa: PRS

),

-- A void, a deletion, or an invoice too many: the nearest step, taken or not.
nearest as (

    select
        org_id,
        deal_id,
        company_id || ':' || invoice_id as document_key,
        min_by(plan_step, pair_rank) as plan_step
    from step_distances
    group by org_id, deal_id, company_id, invoice_id

),

final as (

    select
        evidence_stepped.company_id,
        evidence_stepped.invoice_id,
        evidence_stepped.org_id,
        evidence_stepped.deal_id,
        coalesce(evidence_stepped.plan_step, assigned.plan_step, nearest.plan_step) as plan_step,
        evidence_stepped.method,
        evidence_stepped.is_decided,
        evidence_stepped.deals_named,
        evidence_stepped.is_live
    from evidence_stepped
    left join assigned
        on
            evidence_stepped.org_id = assigned.org_id
            and evidence_stepped.deal_id = assigned.deal_id
            and evidence_stepped.company_id || ':' || evidence_stepped.invoice_id
            = assigned.document_key
    left join nearest
        on
            evidence_stepped.org_id = nearest.org_id
            and evidence_stepped.deal_id = nearest.deal_id
            and evidence_stepped.company_id || ':' || evidence_stepped.invoice_id
            = nearest.document_key

)

select * from final
