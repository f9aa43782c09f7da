-- What customers owe, document by document, in its own currency and in the company's: open
-- invoices, and what is left of credit memos and payments, which is owed to them.
with

invoices as (

    select
        company_id,
        customer_id,
        'Invoice' as document_type,
        invoice_id as document_id,
        invoice_on as dated_on,
        coalesce(due_on, invoice_on) as due_on,
        currency_code,
        exchange_rate,
        case when is_deleted then 0 else balance end as open_amount,
        case when is_deleted then 0 else home_balance end as home_amount,
        greatest(extracted_at, deleted_at) as read_at
    from {{ ref('stg_quickbooks__invoices') }}

),

credit_memos as (

    select
        company_id,
        customer_id,
        'CreditMemo' as document_type,
        credit_memo_id as document_id,
        credited_on as dated_on,
        credited_on as due_on,
        currency_code,
        exchange_rate,
        case when is_deleted then 0 else -remaining_credit end as open_amount,
        null as home_amount,
        greatest(extracted_at, deleted_at) as read_at
    from {{ ref('stg_quickbooks__credit_memos') }}

),

payments as (

    select
        company_id,
        customer_id,
        'Payment' as document_type,
        payment_id as document_id,
        paid_on as dated_on,
        paid_on as due_on,
        currency_code,
        exchange_rate,
        case when is_deleted then 0 else -unapplied_amount end as open_amount,
        null as home_amount,
        greatest(extracted_at, deleted_at) as read_at
    from {{ ref('stg_quickbooks__payments') }}

),

documents as (

    select * from invoices
    union all
    select * from credit_memos
    union all
    select * from payments

),

final as (

    select
        company_id,
        customer_id,
        document_type,
        document_id,
        dated_on,
        due_on,
        currency_code,
        cast(coalesce(open_amount, 0) as decimal(18, 2)) as open_amount,
        -- QuickBooks values a document at its own rate, to the cent; where it says so itself, that
        -- is taken.
        cast(
            coalesce(
                home_amount,
                round(open_amount * coalesce(nullif(exchange_rate, 0), 1), 2),
                0
            ) as decimal(18, 2)
        ) as home_amount,
        read_at
    from documents

)

select * from final
