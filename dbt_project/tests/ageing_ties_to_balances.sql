-- The ageing buckets add up to the open balances of all live invoices.
with

buckets as (

    select
        company_id,
        currency_code,
        sum(amount) as amount
    from {{ ref('ar_ageing') }}
    group by company_id, currency_code

),

balances as (

    select
        company_id,
        currency_code,
        sum(balance) as amount
    from {{ ref('int_invoices__net') }}
    where is_live
    group by company_id, currency_code

)

select
    balances.company_id,
    balances.currency_code,
    balances.amount,
    buckets.amount as bucket_amount
from balances
left join buckets
    on
        balances.company_id = buckets.company_id
        and balances.currency_code = buckets.currency_code
where balances.amount is distinct from coalesce(buckets.amount, 0)
