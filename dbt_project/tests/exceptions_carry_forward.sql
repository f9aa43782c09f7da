-- What the week opened with, what came, what went and what changed its value is what is there now.
select * from {{ ref('exceptions_carried_forward') }}
where
    opening_count + new_count - closed_count != closing_count
    or opening_amount + new_amount - closed_amount + revalued_amount != closing_amount
