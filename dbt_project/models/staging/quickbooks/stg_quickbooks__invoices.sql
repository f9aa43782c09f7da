{{ config(materialized='table') }}

with

raw_invoices as (
    select
        *,
        from_json(payload, '{{ sales_document_shape() }}') as doc
    from {{ source('raw_quickbooks', 'invoice') }}
),

deletions as (
    {{ deletions_of('Invoice', 'invoice') }}
)

select
    raw_invoices.company_id,
    raw_invoices.id as invoice_id,
    raw_invoices.doc."DocNumber" as document_number,
    raw_invoices.doc."CustomerRef".value as customer_id,
    raw_invoices.doc."CustomerRef".name as customer_name,
    raw_invoices.doc."TxnDate" as invoice_on,
    raw_invoices.doc."DueDate" as due_on,
    raw_invoices.doc."CurrencyRef".value as currency_code,
    raw_invoices.doc."ExchangeRate" as exchange_rate,
    raw_invoices.doc."TotalAmt" as total_amount,
    raw_invoices.doc."Balance" as balance,
    raw_invoices.doc."HomeBalance" as home_balance,
    coalesce(raw_invoices.doc."TxnTaxDetail"."TotalTax", 0) as tax_amount,
    raw_invoices.doc."TxnTaxDetail"."TxnTaxCodeRef".value as tax_code_id,
    coalesce(raw_invoices.doc."ApplyTaxAfterDiscount", false) as is_tax_after_discount,
    raw_invoices.doc."PrivateNote" as private_note,
    raw_invoices.doc."SalesTermRef".value as term_id,
    raw_invoices.doc."BillEmail"."Address" as bill_email,
    raw_invoices.doc."EmailStatus" as email_status,
    try_cast(raw_invoices.doc."DeliveryInfo"."DeliveryTime" as timestamptz) as sent_at,
    {{ custom_field('raw_invoices.doc."CustomField"', 'PO Number') }} as po_reference,
    {{ custom_field('raw_invoices.doc."CustomField"', 'Salesforce Deal') }} as deal_reference,
    {{ is_voided('raw_invoices.doc."TotalAmt"', 'raw_invoices.doc."PrivateNote"') }} as is_voided,
    deletions.deleted_at is not null as is_deleted,
    deletions.deleted_at,
    list_filter(
        raw_invoices.doc."LinkedTxn", lambda link: link."TxnType" = 'Estimate'
    )[1]."TxnId" as estimate_id,
    raw_invoices.sync_token,
    raw_invoices.created_at,
    raw_invoices.last_updated_at as modified_at,
    raw_invoices.extracted_at,
    raw_invoices.doc."Line" as lines
from raw_invoices
left join deletions
    on raw_invoices.company_id = deletions.company_id and raw_invoices.id = deletions.id
