-- The living invoices of each estimate, by the link that QuickBooks keeps, and the deal that they
-- bill. An estimate that became an invoice is sold, whatever anybody says of it.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where estimate_id is not null and is_live

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where match_state != 'rejected'

),

final as (

    select
        invoices.company_id,
        invoices.estimate_id,
        count(distinct invoices.invoice_id) as invoices,
        max(invoices.invoice_on) as invoiced_on,
        min(invoices.invoice_id) as invoice_id,
        count(distinct links.deal_id) filter (where links.is_usable) as deals_linked,
        min(links.deal_id) filter (where links.is_usable) as deal_id,
        coalesce(bool_or(not links.is_usable), false) as is_in_review
    from invoices
    left join links
        on invoices.company_id = links.company_id and invoices.invoice_id = links.invoice_id
    group by invoices.company_id, invoices.estimate_id

)

select * from final
