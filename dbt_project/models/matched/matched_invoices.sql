with

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

final as (

    select
        links.company_id,
        links.invoice_id,
        links.document_number,
        links.customer_id,
        links.org_id,
        links.deal_id,
        links.plan_step,
        links.allocated_amount,
        links.currency_code,
        links.match_state,
        links.method,
        links.confidence,
        case links.method
            when 'manual' then 'a person decided'
            when 'mark' then 'mark in the private note'
            when 'custom_field' then 'custom field names ' || invoices.deal_reference
            when 'po_number' then 'PO number ' || invoices.po_reference
            when 'estimate' then 'made from estimate ' || invoices.estimate_id
            when 'deal_field' then 'the deal names the invoice'
            when 'document_number' then 'the deal bears its number ' || links.document_number
            when 'twin' then 'same customer, lines and amount as an invoice of this step'
            else 'same customer, currency and amount, ' || links.days_apart || ' days apart'
        end as evidence
    from links
    left join invoices
        on links.company_id = invoices.company_id and links.invoice_id = invoices.invoice_id

)

select * from final
