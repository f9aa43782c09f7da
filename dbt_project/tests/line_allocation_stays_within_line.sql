-- No line of an invoice gives more than it is, and the lines of a link give what the link takes.
with

parts as (

    select * from {{ ref('matched_invoice_lines') }}

),

by_line as (

    select
        company_id,
        invoice_id,
        'line ' || line_number as place,
        sum(allocated_amount) as given,
        any_value(net_amount) as there
    from parts
    group by company_id, invoice_id, line_number
    having sum(allocated_amount) != any_value(net_amount)

),

by_link as (

    select
        company_id,
        invoice_id,
        deal_id,
        plan_step,
        sum(allocated_amount) as given
    from parts
    group by company_id, invoice_id, deal_id, plan_step

)

select * from by_line
union all
select
    links.company_id,
    links.invoice_id,
    'deal ' || links.deal_id as place,
    by_link.given,
    links.allocated_amount as there
from {{ ref('int_invoices__linked_to_deals') }} as links
inner join by_link
    on
        links.company_id = by_link.company_id
        and links.invoice_id = by_link.invoice_id
        and links.deal_id = by_link.deal_id
        and links.plan_step = by_link.plan_step
where links.is_allocating and by_link.given != links.allocated_amount
