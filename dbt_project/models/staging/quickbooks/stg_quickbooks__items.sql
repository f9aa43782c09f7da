{{ config(materialized='table') }}

with

raw_items as (
    select
        *,
        from_json(payload, '{
            "Name": "VARCHAR", "FullyQualifiedName": "VARCHAR", "Sku": "VARCHAR",
            "Type": "VARCHAR", "Description": "VARCHAR", "UnitPrice": "DECIMAL(28,10)",
            "IncomeAccountRef": {"value": "VARCHAR"}, "Taxable": "BOOLEAN", "Active": "BOOLEAN"
        }') as doc
    from {{ source('raw_quickbooks', 'item') }}
)

select
    company_id,
    id as item_id,
    doc."Name" as item_name,
    doc."FullyQualifiedName" as fully_qualified_name,
    nullif(trim(doc."Sku"), '') as sku,
    doc."Type" as item_type,
    doc."Description" as description,
    doc."UnitPrice" as unit_price,
    doc."IncomeAccountRef".value as income_account_id,
    doc."Taxable" as is_taxable,
    coalesce(doc."Active", true) as is_active,
    sync_token
from raw_items
