with

raw_rates as (
    select
        *,
        from_json(payload, '{
            "SourceCurrencyCode": "VARCHAR", "TargetCurrencyCode": "VARCHAR",
            "AsOfDate": "DATE", "Rate": "DECIMAL(18,9)"
        }') as doc
    from {{ source('raw_quickbooks', 'exchange_rate') }}
)

select
    company_id,
    id as exchange_rate_id,
    doc."SourceCurrencyCode" as currency_code,
    doc."TargetCurrencyCode" as home_currency_code,
    doc."AsOfDate" as as_of_on,
    doc."Rate" as exchange_rate,
    last_updated_at as modified_at
from raw_rates
