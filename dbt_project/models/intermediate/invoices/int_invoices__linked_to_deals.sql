-- Every link between an invoice and a plan step, decided or still to be judged, with the part
-- of the invoice's net amount that it takes. The parts never exceed the invoice.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

referenced as (

    select * from {{ ref('int_invoices__referenced') }}

),

inferred as (

    select * from {{ ref('int_invoices__inferred') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

decisions as (

    select * from {{ ref('int_invoices__decided') }}

),

-- A person's rejection stays visible, so that nobody wonders where the candidate went.
links as (

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        plan_step,
        method,
        case
            when method = 'manual' then 'manual'
            when is_decided then 'confirmed'
            else 'ambiguous'
        end as match_state,
        cast(null as bigint) as days_apart
    from referenced

    union all

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        plan_step,
        case outcome when 'twin' then 'twin' else 'inferred' end as method,
        case outcome when 'ambiguous' then 'ambiguous' else 'confirmed' end as match_state,
        days_apart
    from inferred

    union all

    select
        decisions.company_id,
        decisions.invoice_id,
        decisions.org_id,
        decisions.deal_id,
        coalesce(decisions.plan_step, 1) as plan_step,
        'manual' as method,
        'rejected' as match_state,
        cast(null as bigint) as days_apart
    from decisions
    inner join steps
        on
            decisions.org_id = steps.org_id
            and decisions.deal_id = steps.deal_id
            and coalesce(decisions.plan_step, 1) = steps.plan_step
    where decisions.decision = 'rejected'

),

links_priced as (

    select
        links.*,
        steps.amount as step_amount,
        steps.due_on,
        invoices.document_number,
        invoices.customer_id,
        invoices.customer_name,
        invoices.currency_code,
        invoices.invoice_on,
        invoices.created_at,
        cast(coalesce(invoices.net_amount, 0) as decimal(18, 2)) as net_amount,
        coalesce(invoices.is_live, false) as is_live,
        coalesce(invoices.is_voided, false) as is_voided,
        coalesce(invoices.is_deleted, true) as is_deleted,
        {{ usable_link('links.match_state') }} as is_usable,
        {{ usable_link('links.match_state') }}
        and coalesce(invoices.is_live, false) as is_allocating
    from links
    left join invoices
        on links.company_id = invoices.company_id and links.invoice_id = invoices.invoice_id
    inner join steps
        on
            links.org_id = steps.org_id
            and links.deal_id = steps.deal_id
            and links.plan_step = steps.plan_step

),

-- Several steps on one invoice fill up in the order they fall due; the last takes the rest.
links_in_order as (

    select
        *,
        count(*) over invoice as links_of_invoice,
        row_number() over fill as fill_order,
        coalesce(
            sum(step_amount) over (
                partition by company_id, invoice_id, is_allocating
                order by due_on, deal_id, plan_step
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as filled_before
    from links_priced
    window
        invoice as (partition by company_id, invoice_id, is_allocating),
        fill as (
            partition by company_id, invoice_id, is_allocating
            order by due_on, deal_id, plan_step
        )

),

final as (

    select
        * exclude (filled_before, fill_order),
        cast(case
            when not is_allocating then 0
            when links_of_invoice = 1 then net_amount
            when fill_order = links_of_invoice then net_amount - least(net_amount, filled_before)
            else greatest(least(step_amount, net_amount - filled_before), 0)
        end as decimal(18, 2)) as allocated_amount,
        cast(case method
            when 'manual' then 1
            when 'mark' then 1
            when 'custom_field' then 0.99
            when 'po_number' then 0.98
            when 'estimate' then 0.98
            when 'deal_field' then 0.97
            when 'inferred' then 0.9
            else 0.85
        end as decimal(9, 6)) as confidence
    from links_in_order

)

select * from final
