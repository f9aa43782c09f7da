-- The status of every invoice, derived: QuickBooks keeps none. Paid means settled, whether by
-- money or by a credit.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

clock as (

    select * from {{ ref('int_clock') }}

),

settled as (

    select * from {{ ref('int_invoices__settled') }}

),

links as (

    select
        company_id,
        invoice_id,
        count(*) as deals_linked
    from {{ ref('int_invoices__linked_to_deals') }}
    where is_usable
    group by company_id, invoice_id

),

final as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.document_number,
        invoices.customer_id,
        invoices.customer_name,
        invoices.currency_code,
        invoices.invoice_on,
        invoices.due_on,
        case
            when invoices.is_deleted then 'Deleted'
            when invoices.is_voided then 'Voided'
            when invoices.balance = 0 and settled.written_off_amount > 0 then 'Written Off'
            when invoices.balance = 0 then 'Paid'
            when invoices.due_on < clock.as_of_on then 'Overdue'
            when invoices.balance < invoices.gross_amount then 'Partially Paid'
            else 'Open'
        end as invoice_status,
        invoices.net_amount,
        invoices.tax_amount,
        cast(case when invoices.is_live then invoices.gross_amount else 0 end as decimal(18, 2))
            as gross_amount,
        cast(case when invoices.is_live then invoices.balance else 0 end as decimal(18, 2))
            as balance,
        cast(case
            when invoices.is_live then invoices.gross_amount - invoices.balance
            else 0
        end as decimal(18, 2)) as settled_amount,
        coalesce(settled.paid_amount, 0) as paid_amount,
        coalesce(settled.credited_amount, 0) as credited_amount,
        coalesce(settled.written_off_amount, 0) as written_off_amount,
        cast(case
            when invoices.is_live
                then
                    invoices.gross_amount - invoices.balance
                    - coalesce(
                        settled.paid_amount + settled.credited_amount + settled.written_off_amount,
                        0
                    )
            else 0
        end as decimal(18, 2)) as settled_otherwise,
        settled.last_payment_on,
        cast(case
            when invoices.is_live and invoices.balance > 0
                then greatest(clock.as_of_on - invoices.due_on, 0)
        end as integer) as days_overdue,
        links.invoice_id is not null as is_linked
    from invoices
    cross join clock
    left join settled
        on invoices.company_id = settled.company_id and invoices.invoice_id = settled.invoice_id
    left join links
        on invoices.company_id = links.company_id and invoices.invoice_id = links.invoice_id

)

select * from final
