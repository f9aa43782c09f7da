with

raw_locations as (
    select
        *,
        from_json(payload, '{
            "Name": "VARCHAR", "FullyQualifiedName": "VARCHAR", "Active": "BOOLEAN"
        }') as doc
    from {{ source('raw_quickbooks', 'department') }}
)

select
    company_id,
    id as location_id,
    coalesce(doc."FullyQualifiedName", doc."Name") as location_name,
    coalesce(doc."Active", true) as is_active
from raw_locations
