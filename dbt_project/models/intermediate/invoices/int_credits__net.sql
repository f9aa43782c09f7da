-- One row per credit memo and refund, net of tax and shipping.
with

credit_memos as (

    select * from {{ ref('stg_quickbooks__credit_memos') }}

),

credit_memo_lines as (

    select * from {{ ref('stg_quickbooks__credit_memo_lines') }}

),

refunds as (

    select * from {{ ref('stg_quickbooks__refund_receipts') }}

),

refund_lines as (

    {{ sales_lines(ref('stg_quickbooks__refund_receipts'), 'refund_receipt_id') }}

),

lines_summed as (

    select
        company_id,
        'credit_memo' as document_type,
        credit_memo_id as document_id,
        sum(amount) as net_amount
    from credit_memo_lines
    where line_type in ('item', 'discount')
    group by company_id, credit_memo_id

    union all

    select
        company_id,
        'refund_receipt' as document_type,
        refund_receipt_id as document_id,
        sum(amount) as net_amount
    from refund_lines
    where line_type in ('item', 'discount')
    group by company_id, refund_receipt_id

),

documents as (

    select
        company_id,
        'credit_memo' as document_type,
        credit_memo_id as document_id,
        document_number,
        customer_id,
        customer_name,
        credited_on,
        currency_code,
        total_amount,
        remaining_credit,
        private_note,
        deal_reference,
        created_at,
        not is_voided and not is_deleted as is_live
    from credit_memos

    union all

    select
        company_id,
        'refund_receipt' as document_type,
        refund_receipt_id as document_id,
        document_number,
        customer_id,
        customer_name,
        refunded_on as credited_on,
        currency_code,
        total_amount,
        0 as remaining_credit,
        private_note,
        deal_reference,
        created_at,
        not is_voided and not is_deleted as is_live
    from refunds

),

final as (

    select
        documents.company_id,
        documents.document_type,
        documents.document_id,
        documents.document_number,
        documents.customer_id,
        documents.customer_name,
        documents.credited_on,
        documents.currency_code,
        cast(coalesce(lines_summed.net_amount, 0) as decimal(18, 2)) as net_amount,
        cast(coalesce(documents.total_amount, 0) as decimal(18, 2)) as gross_amount,
        cast(coalesce(documents.remaining_credit, 0) as decimal(18, 2)) as remaining_credit,
        documents.private_note,
        documents.deal_reference,
        documents.created_at,
        documents.is_live
    from documents
    left join lines_summed
        on
            documents.company_id = lines_summed.company_id
            and documents.document_type = lines_summed.document_type
            and documents.document_id = lines_summed.document_id

)

select * from final
