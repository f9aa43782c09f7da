-- Invoices that name no deal: which plan step they bill by customer, currency, amount and date.
-- The customer's link is the evidence of identity; amount and date only choose among its steps.
-- outcome 'inferred': the only answer both ways. 'twin': a copy of an invoice that bills the
-- step already. 'ambiguous': a candidate for a person to judge.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

referenced as (

    select * from {{ ref('int_invoices__referenced') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}
    where is_won and is_billable

),

links as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct

),

decisions as (

    select * from {{ ref('int_invoices__decided') }}

),

steps_taken as (

    select distinct
        org_id,
        deal_id,
        plan_step
    from referenced
    where is_live and is_decided

),

invoices_unnamed as (

    select invoices.*
    from invoices
    left join referenced
        on
            invoices.company_id = referenced.company_id
            and invoices.invoice_id = referenced.invoice_id
    where referenced.invoice_id is null

),

steps_open as (

    select steps.*
    from steps
    left join steps_taken
        on
            steps.org_id = steps_taken.org_id
            and steps.deal_id = steps_taken.deal_id
            and steps.plan_step = steps_taken.plan_step
    where steps_taken.plan_step is null

),

-- Gates, all of them: company, linked customer, currency, amount, date window, not rejected.
pairs as (

    select
        invoices_unnamed.company_id,
        invoices_unnamed.invoice_id,
        invoices_unnamed.invoice_on,
        steps_open.org_id,
        steps_open.deal_id,
        steps_open.plan_step,
        steps_open.due_on,
        abs(steps_open.due_on - invoices_unnamed.invoice_on) as days_apart,
        coalesce(decisions.decision = 'returned', false) as is_returned
    from invoices_unnamed
    inner join links
        on
            invoices_unnamed.company_id = links.company_id
            and invoices_unnamed.customer_id = links.customer_id
    inner join steps_open
        on
            links.org_id = steps_open.org_id
            and links.account_id = steps_open.account_id
            and invoices_unnamed.company_id = steps_open.company_id
            and invoices_unnamed.currency_code = steps_open.currency_code
            and abs(steps_open.amount - invoices_unnamed.net_amount)
            <= {{ tolerance('steps_open.amount', 'steps_open') }}
            and invoices_unnamed.invoice_on
            between steps_open.due_on - {{ var('inference_days_before', 10) }}
            and steps_open.due_on + {{ var('inference_days_after', 45) }}
    left join decisions
        on
            invoices_unnamed.company_id = decisions.company_id
            and invoices_unnamed.invoice_id = decisions.invoice_id
            and steps_open.org_id = decisions.org_id
            and steps_open.deal_id = decisions.deal_id
            and decisions.decision in ('rejected', 'returned')
    where coalesce(decisions.decision, '') != 'rejected' and steps_open.amount > 0

),

pairs_with_deals as (

    select
        *,
        count(distinct deal_id) over (partition by company_id, invoice_id) as deals_of_invoice
    from pairs

),

-- A step is contested when an invoice that could also bill another deal wants it.
pairs_with_contest as (

    select
        *,
        max(deals_of_invoice) over (partition by org_id, deal_id, plan_step) > 1 as is_contested
    from pairs_with_deals

),

pairs_judged as (

    select
        *,
        deals_of_invoice = 1
        and not is_returned
        and not bool_or(is_contested) over (partition by company_id, invoice_id) as is_clear,
        row_number() over (
            partition by org_id, deal_id
            order by days_apart, due_on, invoice_on, invoice_id, plan_step
        ) as pair_rank
    from pairs_with_contest

),

pairs_clear as (

    select * from pairs_judged
    where is_clear

),

assigned as (

    {{ assign_steps('pairs_clear') }} -- noqa: PRS

),

inferred as (

    select
        pairs_clear.company_id,
        pairs_clear.invoice_id,
        pairs_clear.org_id,
        pairs_clear.deal_id,
        pairs_clear.plan_step,
        pairs_clear.days_apart,
        'inferred' as outcome
    from assigned
    inner join pairs_clear
        on
            assigned.org_id = pairs_clear.org_id
            and assigned.deal_id = pairs_clear.deal_id
            and assigned.plan_step = pairs_clear.plan_step
            and assigned.document_key = pairs_clear.company_id || ':' || pairs_clear.invoice_id

),

links_so_far as (

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        plan_step
    from referenced
    where is_live and is_decided

    union all

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        plan_step
    from inferred

),

-- The same customer, lines and day within the window, and no open step of its own: a copy.
twins as (

    select
        invoices_unnamed.company_id,
        invoices_unnamed.invoice_id,
        links_so_far.org_id,
        links_so_far.deal_id,
        links_so_far.plan_step,
        abs(invoices_unnamed.invoice_on - originals.invoice_on) as days_apart,
        'twin' as outcome
    from invoices_unnamed
    inner join invoices as originals
        on
            invoices_unnamed.company_id = originals.company_id
            and invoices_unnamed.customer_id = originals.customer_id
            and invoices_unnamed.currency_code = originals.currency_code
            and invoices_unnamed.line_signature = originals.line_signature
            and invoices_unnamed.invoice_id != originals.invoice_id
            and abs(invoices_unnamed.invoice_on - originals.invoice_on)
            <= {{ var('duplicate_window_days', 10) }}
    inner join links_so_far
        on
            originals.company_id = links_so_far.company_id
            and originals.invoice_id = links_so_far.invoice_id
    left join inferred
        on
            invoices_unnamed.company_id = inferred.company_id
            and invoices_unnamed.invoice_id = inferred.invoice_id
    left join pairs_judged
        on
            invoices_unnamed.company_id = pairs_judged.company_id
            and invoices_unnamed.invoice_id = pairs_judged.invoice_id
            and pairs_judged.deals_of_invoice > 1
    left join decisions
        on
            invoices_unnamed.company_id = decisions.company_id
            and invoices_unnamed.invoice_id = decisions.invoice_id
            and links_so_far.org_id = decisions.org_id
            and links_so_far.deal_id = decisions.deal_id
            and decisions.decision = 'rejected'
    where
        inferred.invoice_id is null
        and pairs_judged.invoice_id is null
        and decisions.deal_id is null
    qualify row_number() over (
        partition by invoices_unnamed.company_id, invoices_unnamed.invoice_id
        order by
            abs(invoices_unnamed.invoice_on - originals.invoice_on),
            originals.invoice_id,
            links_so_far.plan_step
    ) = 1

),

settled as (

    select * from inferred
    union all
    select * from twins

),

ambiguous as (

    select
        pairs_judged.company_id,
        pairs_judged.invoice_id,
        pairs_judged.org_id,
        pairs_judged.deal_id,
        pairs_judged.plan_step,
        pairs_judged.days_apart,
        'ambiguous' as outcome
    from pairs_judged
    left join settled
        on
            pairs_judged.company_id = settled.company_id
            and pairs_judged.invoice_id = settled.invoice_id
    where settled.invoice_id is null

),

final as (

    select * from settled
    union all
    select * from ambiguous

)

select * from final
