{{ config(materialized='table') }}

with

raw_credit_memos as (
    select
        *,
        from_json(payload, '{{ sales_document_shape() }}') as doc
    from {{ source('raw_quickbooks', 'credit_memo') }}
),

deletions as (
    {{ deletions_of('CreditMemo', 'credit_memo') }}
)

select
    raw_credit_memos.company_id,
    raw_credit_memos.id as credit_memo_id,
    raw_credit_memos.doc."DocNumber" as document_number,
    raw_credit_memos.doc."CustomerRef".value as customer_id,
    raw_credit_memos.doc."CustomerRef".name as customer_name,
    raw_credit_memos.doc."TxnDate" as credited_on,
    raw_credit_memos.doc."CurrencyRef".value as currency_code,
    raw_credit_memos.doc."ExchangeRate" as exchange_rate,
    raw_credit_memos.doc."TotalAmt" as total_amount,
    coalesce(
        raw_credit_memos.doc."RemainingCredit", raw_credit_memos.doc."Balance", 0
    ) as remaining_credit,
    coalesce(raw_credit_memos.doc."TxnTaxDetail"."TotalTax", 0) as tax_amount,
    raw_credit_memos.doc."PrivateNote" as private_note,
    {{ custom_field('raw_credit_memos.doc."CustomField"', 'PO Number') }} as po_reference,
    {{ custom_field('raw_credit_memos.doc."CustomField"', 'Salesforce Deal') }} as deal_reference,
    {{ is_voided('raw_credit_memos.doc."TotalAmt"', 'raw_credit_memos.doc."PrivateNote"') }}
        as is_voided,
    deletions.deleted_at is not null as is_deleted,
    deletions.deleted_at,
    raw_credit_memos.sync_token,
    raw_credit_memos.created_at,
    raw_credit_memos.last_updated_at as modified_at,
    raw_credit_memos.extracted_at,
    raw_credit_memos.doc."Line" as lines
from raw_credit_memos
left join deletions
    on
        raw_credit_memos.company_id = deletions.company_id
        and raw_credit_memos.id = deletions.id
