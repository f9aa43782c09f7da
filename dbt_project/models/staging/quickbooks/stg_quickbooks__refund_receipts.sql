{{ config(materialized='table') }}

with

raw_refund_receipts as (
    select
        *,
        from_json(payload, '{{ sales_document_shape() }}') as doc
    from {{ source('raw_quickbooks', 'refund_receipt') }}
),

deletions as (
    {{ deletions_of('RefundReceipt', 'refund_receipt') }}
)

select
    raw_refund_receipts.company_id,
    raw_refund_receipts.id as refund_receipt_id,
    raw_refund_receipts.doc."DocNumber" as document_number,
    raw_refund_receipts.doc."CustomerRef".value as customer_id,
    raw_refund_receipts.doc."CustomerRef".name as customer_name,
    raw_refund_receipts.doc."TxnDate" as refunded_on,
    raw_refund_receipts.doc."CurrencyRef".value as currency_code,
    raw_refund_receipts.doc."ExchangeRate" as exchange_rate,
    raw_refund_receipts.doc."TotalAmt" as total_amount,
    coalesce(raw_refund_receipts.doc."TxnTaxDetail"."TotalTax", 0) as tax_amount,
    raw_refund_receipts.doc."PrivateNote" as private_note,
    {{ custom_field('raw_refund_receipts.doc."CustomField"', 'Salesforce Deal') }}
        as deal_reference,
    {{ is_voided('raw_refund_receipts.doc."TotalAmt"', 'raw_refund_receipts.doc."PrivateNote"') }}
        as is_voided,
    deletions.deleted_at is not null as is_deleted,
    raw_refund_receipts.sync_token,
    raw_refund_receipts.created_at,
    raw_refund_receipts.last_updated_at as modified_at,
    raw_refund_receipts.doc."Line" as lines
from raw_refund_receipts
left join deletions
    on
        raw_refund_receipts.company_id = deletions.company_id
        and raw_refund_receipts.id = deletions.id
