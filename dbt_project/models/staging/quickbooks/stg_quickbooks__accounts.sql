with

raw_accounts as (
    select
        *,
        from_json(payload, '{
            "Name": "VARCHAR", "AccountType": "VARCHAR", "AccountSubType": "VARCHAR",
            "Classification": "VARCHAR", "CurrentBalance": "DECIMAL(18,2)",
            "CurrencyRef": {"value": "VARCHAR"}, "Active": "BOOLEAN"
        }') as doc
    from {{ source('raw_quickbooks', 'account') }}
)

select
    company_id,
    id as account_id,
    doc."Name" as account_name,
    doc."AccountType" as account_type,
    doc."AccountSubType" as account_sub_type,
    doc."Classification" as classification,
    doc."CurrentBalance" as current_balance,
    doc."CurrencyRef".value as currency_code,
    coalesce(doc."Active", true) as is_active
from raw_accounts
