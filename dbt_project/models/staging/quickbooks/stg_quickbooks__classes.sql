with

raw_classes as (
    select
        *,
        from_json(payload, '{
            "Name": "VARCHAR", "FullyQualifiedName": "VARCHAR", "Active": "BOOLEAN"
        }') as doc
    from {{ source('raw_quickbooks', 'class') }}
)

select
    company_id,
    id as class_id,
    coalesce(doc."FullyQualifiedName", doc."Name") as class_name,
    coalesce(doc."Active", true) as is_active
from raw_classes
