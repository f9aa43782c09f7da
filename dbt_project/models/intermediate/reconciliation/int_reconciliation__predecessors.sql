-- The latest invoice of a step that is no longer there.
with

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_usable and not is_live

),

invoices as (

    select
        company_id,
        invoice_id,
        cast(timezone('UTC', coalesce(deleted_at, modified_at)) as date) as gone_on
    from {{ ref('stg_quickbooks__invoices') }}
    where is_deleted or is_voided

),

-- Of a void the service keeps no moment but
-- that of the document's last change.
final as (

    select
        links.org_id,
        links.deal_id,
        links.plan_step,
        arg_max(
            struct_pack(
                company_id := links.company_id,
                invoice_id := links.invoice_id,
                document_number := links.document_number,
                customer_id := links.customer_id,
                customer_name := links.customer_name,
                is_deleted := links.is_deleted,
                invoice_on := links.invoice_on,
                gone_on := invoices.gone_on
            ),
            (coalesce(links.invoice_on, date '1900-01-01'), links.invoice_id)
        ) as predecessor
    from links
    left join invoices
        on links.company_id = invoices.company_id and links.invoice_id = invoices.invoice_id
    group by links.org_id, links.deal_id, links.plan_step

)

select * from final
