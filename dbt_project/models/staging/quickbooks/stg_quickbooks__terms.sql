with

raw_terms as (
    select
        *,
        from_json(payload, '{
            "Name": "VARCHAR", "Type": "VARCHAR", "DueDays": "INTEGER",
            "DayOfMonthDue": "INTEGER", "DueNextMonthDays": "INTEGER", "Active": "BOOLEAN"
        }') as doc
    from {{ source('raw_quickbooks', 'term') }}
)

select
    company_id,
    id as term_id,
    doc."Name" as term_name,
    doc."Type" as term_type,
    doc."DueDays" as due_days,
    doc."DayOfMonthDue" as due_day_of_month,
    doc."DueNextMonthDays" as due_next_month_days,
    coalesce(doc."Active", true) as is_active
from raw_terms
