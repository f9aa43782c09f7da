select
    company_id,
    invoice_id,
    invoice_id = 'TOTAL' as is_total,
    invoice_date as invoice_on,
    document_number,
    customer_name,
    cast(amount as decimal(18, 2)) as amount,
    currency_code,
    from_date as from_on,
    to_date as to_on,
    asked_at
from {{ source('raw_quickbooks', 'transaction_list') }}
