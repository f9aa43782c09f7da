with

raw_tax_rates as (
    select
        *,
        from_json(payload, '{"Name": "VARCHAR", "RateValue": "DECIMAL(9,4)"}') as doc
    from {{ source('raw_quickbooks', 'tax_rate') }}
)

select
    company_id,
    id as tax_rate_id,
    doc."Name" as tax_rate_name,
    doc."RateValue" as rate_percent
from raw_tax_rates
