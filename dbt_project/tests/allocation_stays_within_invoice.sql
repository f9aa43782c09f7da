-- The decided links of a live invoice take exactly its net amount, and no link appears twice.
with

links as (

    select * from {{ ref('matched_invoices') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

allocated as (

    select
        company_id,
        invoice_id,
        sum(allocated_amount) as amount,
        count(*) as links,
        count(distinct deal_id || '/' || plan_step) as steps
    from links
    where {{ usable_link('match_state') }}
    group by company_id, invoice_id

)

select
    allocated.company_id,
    allocated.invoice_id,
    allocated.amount,
    invoices.net_amount
from allocated
left join invoices
    on
        allocated.company_id = invoices.company_id
        and allocated.invoice_id = invoices.invoice_id
where
    allocated.amount != case when invoices.is_live then invoices.net_amount else 0 end
    or allocated.links != allocated.steps
