{{ config(materialized='view') }}

-- What stands behind each QuickBooks document, one row per fact: its own record, its lines, the
-- customer, what was paid on it or with it, and what we wrote of it. Deals are in step_evidence.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

credits as (

    select * from {{ ref('int_credits__net') }}

),

payments as (

    select * from {{ ref('stg_quickbooks__payments') }}

),

applications as (

    select * from {{ ref('stg_quickbooks__payment_applications') }}

),

lines as (

    select * from {{ ref('int_invoices__lines_net') }}

),

links as (

    select * from {{ ref('matched_invoices') }}

),

customers as (

    select * from {{ ref('matched_customers') }}
    where {{ usable_link('match_state') }}

),

ledger as (

    select * from {{ source('raw_state', 'ledger') }}
    where entity in ('Invoice', 'CreditMemo', 'RefundReceipt', 'Payment')

),

documents as (

    select
        company_id,
        'invoice' as document_type,
        invoice_id as document_id,
        customer_id,
        'Invoice' as object,
        'invoice' as layer,
        gross_amount as amount,
        currency_code,
        'Invoice ' || coalesce(document_number, invoice_id) || ' of ' || invoice_on || ' to '
        || coalesce(customer_name, customer_id) || ': net ' || net_amount || ', tax ' || tax_amount
        || ', total ' || gross_amount || ', open ' || balance || ', due on '
        || coalesce(cast(due_on as varchar), 'no day')
        || case when is_deleted then '; deleted' when is_voided then '; voided' else '' end as said
    from invoices
    union all
    select
        company_id,
        document_type,
        document_id,
        customer_id,
        case document_type when 'credit_memo' then 'CreditMemo' else 'RefundReceipt' end as object,
        'credit' as layer,
        gross_amount as amount,
        currency_code,
        case document_type when 'credit_memo' then 'Credit memo ' else 'Refund ' end
        || coalesce(document_number, document_id) || ' of ' || credited_on || ' to '
        || coalesce(customer_name, customer_id) || ': net ' || net_amount || ', total '
        || gross_amount || ', left to apply ' || remaining_credit as said
    from credits
    union all
    select
        company_id,
        'payment' as document_type,
        payment_id as document_id,
        customer_id,
        'Payment' as object,
        'payment' as layer,
        total_amount as amount,
        currency_code,
        'Payment ' || coalesce(payment_reference, payment_id) || ' of ' || paid_on || ' by '
        || coalesce(customer_name, customer_id) || ': ' || total_amount || ', not applied '
        || unapplied_amount
        || case when is_deleted then '; deleted' when is_voided then '; voided' else '' end as said
    from payments

),

of_documents as (

    select
        company_id,
        document_type,
        document_id,
        20 as place,
        layer,
        amount,
        currency_code,
        said,
        'quickbooks' as system,
        object,
        document_id as record_id
    from documents

),

of_lines as (

    select
        lines.company_id,
        'invoice' as document_type,
        lines.invoice_id as document_id,
        21 as place,
        'invoice line' as layer,
        'invoice_line' as role,
        lines.net_amount as amount,
        invoices.currency_code,
        'Line ' || lines.line_number || coalesce(', item ' || lines.item_id, '') || ': '
        || lines.line_amount
        || case
            when lines.line_amount != lines.net_amount
                then ', after its share of the discount ' || lines.net_amount
            else ''
        end as said,
        'quickbooks' as system,
        'Invoice' as object,
        lines.invoice_id as record_id
    from lines
    inner join invoices
        on lines.company_id = invoices.company_id and lines.invoice_id = invoices.invoice_id

),

of_links as (

    select
        links.company_id,
        'invoice' as document_type,
        links.invoice_id as document_id,
        22 as place,
        'link' as layer,
        links.allocated_amount as amount,
        links.currency_code,
        'Deal ' || links.deal_id || ', step ' || links.plan_step || ': ' || links.match_state
        || ' because ' || links.evidence || ', confidence ' || links.confidence as said,
        'salesforce' as system,
        links.org_id as source_id,
        'Opportunity' as object,
        links.deal_id as record_id
    from links

),

of_customers as (

    select
        documents.company_id,
        documents.document_type,
        documents.document_id,
        23 as place,
        case when customers.match_state = 'manual' then 'decision' else 'link' end as layer,
        'Customer ' || customers.customer_name || ' is account '
        || coalesce(customers.account_name, customers.account_id) || ': '
        || case
            when customers.match_state = 'manual' then 'a person decided'
            else 'rule ' || customers.method || ', confidence ' || customers.confidence
        end || coalesce(', by ' || customers.decided_by, '') as said,
        'salesforce' as system,
        customers.org_id as source_id,
        'Account' as object,
        customers.account_id as record_id
    from documents
    inner join customers
        on
            documents.company_id = customers.company_id
            and documents.customer_id = customers.customer_id

),

of_payments as (

    select
        applications.company_id,
        case applications.document_type
            when 'Invoice' then 'invoice' when 'CreditMemo' then 'credit_memo'
        end as document_type,
        applications.document_id,
        24 as place,
        'payment' as layer,
        applications.amount,
        payments.currency_code,
        'Applied by payment ' || coalesce(payments.payment_reference, payments.payment_id)
        || ' of ' || payments.paid_on as said,
        'quickbooks' as system,
        'Payment' as object,
        applications.payment_id as record_id
    from applications
    inner join payments
        on
            applications.company_id = payments.company_id
            and applications.payment_id = payments.payment_id

),

of_writes as (

    select
        company_id,
        case entity
            when 'Invoice' then 'invoice' when 'CreditMemo' then 'credit_memo'
            when 'RefundReceipt' then 'refund_receipt' else 'payment'
        end as document_type,
        remote_id as document_id,
        50 as place,
        'written by us' as layer,
        amount,
        currency_code,
        action || ' ' || entity || ' ' || remote_id || ': ' || status
        || coalesce(' on ' || strftime(finished_at, '%Y-%m-%d'), '') as said,
        'crossfoot' as system,
        'ledger' as object,
        change_key as record_id
    from ledger
    where remote_id is not null

),

combined as (

    select * from of_documents
    union all by name
    select * from of_lines
    union all by name
    select * from of_links
    union all by name
    select * from of_customers
    union all by name
    select * from of_payments
    union all by name
    select * from of_writes

),

final as (

    select
        company_id,
        document_type,
        document_id,
        cast(place as integer) as place,
        layer,
        role,
        cast(amount as decimal(18, 2)) as amount,
        currency_code,
        said,
        system,
        coalesce(source_id, company_id) as source_id,
        object,
        record_id
    from combined
    where document_type is not null

)

select * from final
