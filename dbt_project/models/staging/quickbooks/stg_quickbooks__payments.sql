{{ config(materialized='table') }}

with

raw_payments as (
    select
        *,
        from_json(payload, '{
            "CustomerRef": {"value": "VARCHAR", "name": "VARCHAR"}, "TxnDate": "DATE",
            "CurrencyRef": {"value": "VARCHAR"}, "ExchangeRate": "DECIMAL(18,9)",
            "TotalAmt": "DECIMAL(18,2)", "UnappliedAmt": "DECIMAL(18,2)",
            "PaymentRefNum": "VARCHAR", "PrivateNote": "VARCHAR",
            "Line": [{
                "Amount": "DECIMAL(18,2)",
                "LinkedTxn": [{"TxnId": "VARCHAR", "TxnType": "VARCHAR"}]
            }]
        }') as doc
    from {{ source('raw_quickbooks', 'payment') }}
),

deletions as (
    {{ deletions_of('Payment', 'payment') }}
)

select
    raw_payments.company_id,
    raw_payments.id as payment_id,
    raw_payments.doc."CustomerRef".value as customer_id,
    raw_payments.doc."CustomerRef".name as customer_name,
    raw_payments.doc."TxnDate" as paid_on,
    raw_payments.doc."CurrencyRef".value as currency_code,
    raw_payments.doc."ExchangeRate" as exchange_rate,
    raw_payments.doc."TotalAmt" as total_amount,
    coalesce(raw_payments.doc."UnappliedAmt", 0) as unapplied_amount,
    raw_payments.doc."PaymentRefNum" as payment_reference,
    raw_payments.doc."PrivateNote" as private_note,
    -- A payment of nothing may carry a credit over to an invoice: only the note tells a void.
    {{ is_voided('raw_payments.doc."TotalAmt"', 'raw_payments.doc."PrivateNote"') }} as is_voided,
    deletions.deleted_at is not null as is_deleted,
    deletions.deleted_at,
    raw_payments.sync_token,
    raw_payments.created_at,
    raw_payments.last_updated_at as modified_at,
    raw_payments.extracted_at,
    raw_payments.doc."Line" as lines
from raw_payments
left join deletions
    on raw_payments.company_id = deletions.company_id and raw_payments.id = deletions.id
