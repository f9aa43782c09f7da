-- Every link between an invoice and a plan step, decided or still to be judged, with the part
-- of the invoice's net amount that it takes. The parts never exceed the invoice. An invoice for
-- several deals is told apart by its lines where each line's item was sold in one of them only.
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

lines as (

    select * from {{ ref('int_invoices__lines_net') }}

),

items_sold as (

    select distinct
        deal_lines.org_id,
        deal_lines.deal_id,
        items.company_id,
        items.item_id
    from {{ judged(ref('stg_salesforce__opportunity_lines')) }} as deal_lines
    inner join {{ ref('int_products__linked') }} as items
        on deal_lines.org_id = items.org_id and deal_lines.product_id = items.product_id
    where not deal_lines.is_deleted

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

-- For each line of an invoice that bills several deals, the deals in which its item was sold.
lines_owned as (

    select
        links_priced.company_id,
        links_priced.invoice_id,
        lines.line_number,
        any_value(lines.net_amount) as net_amount,
        count(items_sold.deal_id) as owners,
        min(items_sold.deal_id) as deal_id,
        count(*) as deals,
        count(distinct links_priced.deal_id) as distinct_deals
    from links_priced
    inner join lines
        on
            links_priced.company_id = lines.company_id
            and links_priced.invoice_id = lines.invoice_id
    left join items_sold
        on
            links_priced.org_id = items_sold.org_id
            and links_priced.deal_id = items_sold.deal_id
            and lines.company_id = items_sold.company_id
            and lines.item_id = items_sold.item_id
    where links_priced.is_allocating
    group by links_priced.company_id, links_priced.invoice_id, lines.line_number

),

invoices_told_apart as (

    select
        company_id,
        invoice_id
    from lines_owned
    group by company_id, invoice_id
    having
        bool_and(owners = 1 and deals = distinct_deals)
        and max(deals) > 1
        and count(distinct deal_id) = max(deals)

),

amounts_by_line as (

    select
        lines_owned.company_id,
        lines_owned.invoice_id,
        lines_owned.deal_id,
        sum(lines_owned.net_amount) as amount
    from lines_owned
    inner join invoices_told_apart
        on
            lines_owned.company_id = invoices_told_apart.company_id
            and lines_owned.invoice_id = invoices_told_apart.invoice_id
    group by lines_owned.company_id, lines_owned.invoice_id, lines_owned.deal_id

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
        links_in_order.* exclude (filled_before, fill_order),
        cast(case
            when not links_in_order.is_allocating then 0
            when amounts_by_line.amount is not null then amounts_by_line.amount
            when links_in_order.links_of_invoice = 1 then links_in_order.net_amount
            when links_in_order.fill_order = links_in_order.links_of_invoice
                then
                    links_in_order.net_amount
                    - least(links_in_order.net_amount, links_in_order.filled_before)
            else
                greatest(
                    least(
                        links_in_order.step_amount,
                        links_in_order.net_amount - links_in_order.filled_before
                    ), 0
                )
        end as decimal(18, 2)) as allocated_amount,
        cast(case links_in_order.method
            when 'manual' then 1
            when 'mark' then 1
            when 'custom_field' then 0.99
            when 'po_number' then 0.98
            when 'estimate' then 0.98
            when 'deal_field' then 0.97
            when 'document_number' then 0.97
            -- Far from the plan date, amount and date say less than one would act on unasked.
            when 'inferred'
                then
                    case
                        when links_in_order.days_apart <= {{ var('inference_sure_days', 14) }}
                            then 0.9
                        else 0.8
                    end
            else 0.85
        end as decimal(9, 6)) as confidence
    from links_in_order
    left join amounts_by_line
        on
            links_in_order.company_id = amounts_by_line.company_id
            and links_in_order.invoice_id = amounts_by_line.invoice_id
            and links_in_order.deal_id = amounts_by_line.deal_id
            and links_in_order.is_allocating

)

select * from final
