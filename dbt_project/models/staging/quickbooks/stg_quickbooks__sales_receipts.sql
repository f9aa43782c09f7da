{{ config(materialized='table') }}

with

raw_sales_receipts as (
    select
        *,
        from_json(payload, '{{ sales_document_shape() }}') as doc
    from {{ source('raw_quickbooks', 'sales_receipt') }}
),

deletions as (
    {{ deletions_of('SalesReceipt', 'sales_receipt') }}
)

select
    raw_sales_receipts.company_id,
    raw_sales_receipts.id as sales_receipt_id,
    raw_sales_receipts.doc."DocNumber" as document_number,
    raw_sales_receipts.doc."CustomerRef".value as customer_id,
    raw_sales_receipts.doc."CustomerRef".name as customer_name,
    raw_sales_receipts.doc."TxnDate" as sold_on,
    raw_sales_receipts.doc."CurrencyRef".value as currency_code,
    raw_sales_receipts.doc."ExchangeRate" as exchange_rate,
    raw_sales_receipts.doc."TotalAmt" as total_amount,
    coalesce(raw_sales_receipts.doc."TxnTaxDetail"."TotalTax", 0) as tax_amount,
    raw_sales_receipts.doc."PrivateNote" as private_note,
    {{ custom_field('raw_sales_receipts.doc."CustomField"', 'Salesforce Deal') }} as deal_reference,
    {{ is_voided('raw_sales_receipts.doc."TotalAmt"', 'raw_sales_receipts.doc."PrivateNote"') }}
        as is_voided,
    deletions.deleted_at is not null as is_deleted,
    raw_sales_receipts.sync_token,
    raw_sales_receipts.created_at,
    raw_sales_receipts.last_updated_at as modified_at,
    raw_sales_receipts.doc."Line" as lines
from raw_sales_receipts
left join deletions
    on
        raw_sales_receipts.company_id = deletions.company_id
        and raw_sales_receipts.id = deletions.id
