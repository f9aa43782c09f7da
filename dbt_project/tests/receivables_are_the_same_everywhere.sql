-- The ageing and the comparison with QuickBooks' own report speak of the same open invoices.
with

aged as (

    select
        company_id,
        currency_code,
        sum(amount) as amount
    from {{ ref('ar_ageing') }}
    group by company_id, currency_code

),

compared as (

    select
        company_id,
        currency_code,
        sum(open_amount) as amount
    from {{ ref('int_receivables__documents') }}
    where document_type = 'Invoice'
    group by company_id, currency_code

)

select
    compared.company_id,
    compared.currency_code,
    compared.amount,
    aged.amount as aged_amount
from compared
full outer join aged
    on compared.company_id = aged.company_id and compared.currency_code = aged.currency_code
where coalesce(compared.amount, 0) != coalesce(aged.amount, 0)

union all

select
    company_id,
    currency_code,
    held_amount as amount,
    reported_amount + moved_on_amount + difference as aged_amount
from {{ ref('ar_reconciliation') }}
where held_amount != reported_amount + moved_on_amount + difference
