{{ config(contract={'enforced': true}) }}

-- Which line of an invoice bills which plan step, and with how much of it: the lines of an invoice
-- and the steps it is linked with, laid side by side in order and cut where either ends. A line's
-- parts are never more than the line, a link's parts are the link's amount.
with

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating and allocated_amount != 0

),

lines as (

    select * from {{ ref('int_invoices__lines_net') }}

),

deal_lines as (

    select distinct
        sold.org_id,
        sold.deal_id,
        items.company_id,
        items.item_id
    from {{ judged(ref('stg_salesforce__opportunity_lines')) }} as sold
    inner join {{ ref('int_products__linked') }} as items
        on sold.org_id = items.org_id and sold.product_id = items.product_id
    where not sold.is_deleted

),

links_placed as (

    select
        *,
        row_number() over invoice as link_number,
        count(*) over (partition by company_id, invoice_id) as links,
        sum(allocated_amount) over (
            partition by company_id, invoice_id
            order by due_on, deal_id, plan_step
            rows between unbounded preceding and current row
        ) as link_to
    from links
    window invoice as (partition by company_id, invoice_id order by due_on, deal_id, plan_step)

),

-- A line stands where the first deal stands that its item was sold in.
lines_owned as (

    select
        lines.company_id,
        lines.invoice_id,
        lines.line_number,
        lines.item_id,
        lines.line_amount,
        lines.net_amount,
        min(links_placed.link_number) filter (where deal_lines.item_id is not null) as link_number,
        bool_and(lines.net_amount >= 0) as is_positive
    from lines
    inner join links_placed
        on
            lines.company_id = links_placed.company_id
            and lines.invoice_id = links_placed.invoice_id
    left join deal_lines
        on
            links_placed.org_id = deal_lines.org_id
            and links_placed.deal_id = deal_lines.deal_id
            and lines.company_id = deal_lines.company_id
            and lines.item_id = deal_lines.item_id
    group by
        lines.company_id,
        lines.invoice_id,
        lines.line_number,
        lines.item_id,
        lines.line_amount,
        lines.net_amount

),

lines_placed as (

    select
        *,
        sum(net_amount) over (
            partition by company_id, invoice_id
            order by link_number nulls last, line_number
            rows between unbounded preceding and current row
        ) as line_to,
        bool_and(is_positive) over (partition by company_id, invoice_id) as is_all_positive
    from lines_owned

),

cut as (

    select
        lines_placed.company_id,
        lines_placed.invoice_id,
        lines_placed.line_number,
        lines_placed.item_id,
        lines_placed.line_amount,
        lines_placed.net_amount,
        links_placed.org_id,
        links_placed.deal_id,
        links_placed.plan_step,
        links_placed.currency_code,
        case
            when links_placed.links = 1 then lines_placed.net_amount
            else
                least(lines_placed.line_to, links_placed.link_to)
                - greatest(
                    lines_placed.line_to - lines_placed.net_amount,
                    links_placed.link_to - links_placed.allocated_amount
                )
        end as allocated_amount
    from lines_placed
    inner join links_placed
        on
            lines_placed.company_id = links_placed.company_id
            and lines_placed.invoice_id = links_placed.invoice_id
    where links_placed.links = 1 or lines_placed.is_all_positive

)

select
    company_id,
    invoice_id,
    cast(line_number as integer) as line_number,
    item_id,
    line_amount,
    net_amount,
    org_id,
    deal_id,
    cast(plan_step as integer) as plan_step,
    cast(allocated_amount as decimal(18, 2)) as allocated_amount,
    currency_code
from cut
where allocated_amount > 0 or (allocated_amount < 0 and net_amount = allocated_amount)
