-- Invoiced gross is what QuickBooks says was invoiced in the month, document by document, and net
-- billed is that less its credit memos and refunds.
with

sales as (

    select
        company_id,
        currency_code,
        strftime(invoice_on, '%Y-%m') as month,
        total_amount as gross,
        total_amount as net_billed
    from {{ ref('stg_quickbooks__invoices') }}
    where not is_voided and not is_deleted
    union all
    select
        company_id,
        currency_code,
        strftime(credited_on, '%Y-%m') as month,
        0 as gross,
        -total_amount as net_billed
    from {{ ref('stg_quickbooks__credit_memos') }}
    where not is_voided and not is_deleted
    union all
    select
        company_id,
        currency_code,
        strftime(refunded_on, '%Y-%m') as month,
        0 as gross,
        -total_amount as net_billed
    from {{ ref('stg_quickbooks__refund_receipts') }}
    where not is_voided and not is_deleted

),

sales_summed as (

    select
        company_id,
        currency_code,
        month,
        sum(gross) as gross,
        sum(net_billed) as net_billed
    from sales
    group by all

),

bridged as (

    select
        company_id,
        currency_code,
        period as month,
        sum(amount) filter (where line_code = 'I2') as gross,
        sum(amount) filter (where line_code = 'N') as net_billed
    from {{ ref('reconciliation_bridge') }}
    where period_kind = 'month'
    group by all

)

select *
from bridged
full outer join sales_summed
    on
        bridged.company_id = sales_summed.company_id
        and bridged.currency_code = sales_summed.currency_code
        and bridged.month = sales_summed.month
where
    coalesce(bridged.gross, 0) != coalesce(sales_summed.gross, 0)
    or coalesce(bridged.net_billed, 0) != coalesce(sales_summed.net_billed, 0)
