with

raw_employees as (
    select
        *,
        from_json(payload, '{"DisplayName": "VARCHAR", "Active": "BOOLEAN"}') as doc
    from {{ source('raw_quickbooks', 'employee') }}
)

select
    company_id,
    id as employee_id,
    doc."DisplayName" as display_name,
    coalesce(doc."Active", true) as is_active
from raw_employees
