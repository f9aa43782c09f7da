-- What has settled each invoice, by the transactions that QuickBooks links to it: money, credits,
-- and credits that write it off. A credit memo writes off when every item on it posts to an account
-- for bad debts, which is how QuickBooks is told to do it. Of a payment, credits are spent before
-- money and write-offs last of them, in the order of its lines.
with

payments as (

    select * from {{ ref('stg_quickbooks__payments') }}

),

applications as (

    select * from {{ ref('stg_quickbooks__payment_applications') }}

),

memo_lines as (

    select * from {{ ref('stg_quickbooks__credit_memo_lines') }}
    where line_type = 'item'

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}

),

accounts as (

    select * from {{ ref('stg_quickbooks__accounts') }}

),

write_offs as (

    select
        memo_lines.company_id,
        memo_lines.credit_memo_id
    from memo_lines
    left join items
        on memo_lines.company_id = items.company_id and memo_lines.item_id = items.item_id
    left join accounts
        on items.company_id = accounts.company_id and items.income_account_id = accounts.account_id
    group by memo_lines.company_id, memo_lines.credit_memo_id
    having bool_and(coalesce(accounts.account_sub_type = 'BadDebts', false))

),

credits_spent as (

    select
        applications.company_id,
        applications.payment_id,
        sum(applications.amount) as credit_amount,
        coalesce(
            sum(applications.amount) filter (where write_offs.credit_memo_id is not null), 0
        ) as write_off_amount
    from applications
    left join write_offs
        on
            applications.company_id = write_offs.company_id
            and applications.document_id = write_offs.credit_memo_id
    where applications.document_type = 'CreditMemo'
    group by applications.company_id, applications.payment_id

),

invoices_in_order as (

    select
        company_id,
        payment_id,
        document_id as invoice_id,
        amount,
        sum(amount) over (
            partition by company_id, payment_id order by line_number
            rows between unbounded preceding and current row
        ) - amount as amount_before
    from applications
    where document_type = 'Invoice'

),

invoices_shared as (

    select
        invoices_in_order.*,
        payments.paid_on,
        greatest(
            least(
                invoices_in_order.amount_before + invoices_in_order.amount,
                coalesce(credits_spent.credit_amount, 0)
            ) - invoices_in_order.amount_before, 0
        ) as credited,
        greatest(
            least(
                invoices_in_order.amount_before + invoices_in_order.amount,
                coalesce(credits_spent.credit_amount, 0)
            ) - greatest(
                invoices_in_order.amount_before,
                coalesce(credits_spent.credit_amount - credits_spent.write_off_amount, 0)
            ), 0
        ) as written_off
    from invoices_in_order
    inner join payments
        on
            invoices_in_order.company_id = payments.company_id
            and invoices_in_order.payment_id = payments.payment_id
    left join credits_spent
        on
            invoices_in_order.company_id = credits_spent.company_id
            and invoices_in_order.payment_id = credits_spent.payment_id

),

final as (

    select
        company_id,
        invoice_id,
        cast(sum(amount - credited) as decimal(18, 2)) as paid_amount,
        cast(sum(credited - written_off) as decimal(18, 2)) as credited_amount,
        cast(sum(written_off) as decimal(18, 2)) as written_off_amount,
        max(paid_on) as last_payment_on
    from invoices_shared
    group by company_id, invoice_id

)

select * from final
