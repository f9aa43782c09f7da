select
    company_id,
    as_of_date as as_of_on,
    customer_id,
    customer_name,
    customer_id = 'TOTAL' as is_total,
    currency_code,
    cast(current_amount as decimal(18, 2)) as current_amount,
    cast(days_1_to_30 as decimal(18, 2)) as days_1_to_30,
    cast(days_31_to_60 as decimal(18, 2)) as days_31_to_60,
    cast(days_61_to_90 as decimal(18, 2)) as days_61_to_90,
    cast(days_91_and_over as decimal(18, 2)) as days_91_and_over,
    cast(total as decimal(18, 2)) as total_amount,
    asked_at
from {{ source('raw_quickbooks', 'aged_receivables') }}
