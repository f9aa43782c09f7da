with

raw_vendors as (
    select
        *,
        from_json(payload, '{"DisplayName": "VARCHAR", "Active": "BOOLEAN"}') as doc
    from {{ source('raw_quickbooks', 'vendor') }}
)

select
    company_id,
    id as vendor_id,
    doc."DisplayName" as display_name,
    coalesce(doc."Active", true) as is_active
from raw_vendors
