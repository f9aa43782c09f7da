with

raw_deposits as (
    select
        *,
        from_json(payload, '{
            "TxnDate": "DATE", "TotalAmt": "DECIMAL(18,2)", "PrivateNote": "VARCHAR",
            "CurrencyRef": {"value": "VARCHAR"}, "ExchangeRate": "DECIMAL(18,9)",
            "DepositToAccountRef": {"value": "VARCHAR"},
            "Line": [{
                "Amount": "DECIMAL(18,2)",
                "LinkedTxn": [{"TxnId": "VARCHAR", "TxnType": "VARCHAR"}]
            }]
        }') as doc
    from {{ source('raw_quickbooks', 'deposit') }}
),

deletions as (
    {{ deletions_of('Deposit', 'deposit') }}
)

select
    raw_deposits.company_id,
    raw_deposits.id as deposit_id,
    raw_deposits.doc."TxnDate" as deposited_on,
    raw_deposits.doc."DepositToAccountRef".value as account_id,
    raw_deposits.doc."CurrencyRef".value as currency_code,
    raw_deposits.doc."ExchangeRate" as exchange_rate,
    raw_deposits.doc."TotalAmt" as total_amount,
    raw_deposits.doc."PrivateNote" as private_note,
    {{ is_voided('raw_deposits.doc."TotalAmt"', 'raw_deposits.doc."PrivateNote"') }} as is_voided,
    deletions.deleted_at is not null as is_deleted,
    raw_deposits.sync_token,
    raw_deposits.created_at,
    raw_deposits.last_updated_at as modified_at,
    raw_deposits.doc."Line" as lines
from raw_deposits
left join deletions
    on raw_deposits.company_id = deletions.company_id and raw_deposits.id = deletions.id
