with

payments as (
    select
        company_id,
        payment_id,
        unnest(lines) as line,
        generate_subscripts(lines, 1) as line_number
    from {{ ref('stg_quickbooks__payments') }}
    where not is_deleted and not is_voided
)

select
    company_id,
    payment_id,
    line_number,
    line."LinkedTxn"[1]."TxnType" as document_type,
    line."LinkedTxn"[1]."TxnId" as document_id,
    line."Amount" as amount
from payments
where line."LinkedTxn"[1] is not null
