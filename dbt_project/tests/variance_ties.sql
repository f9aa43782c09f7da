-- What the classes and the other reasons add up to is exactly what parts net billed (net of tax)
-- from expected billing, in every company and currency.
with

totals as (

    select
        company_id,
        currency_code,
        sum(case line_code when 'I1' then amount else -amount end) as amount
    from {{ ref('reconciliation_bridge') }}
    where period_kind = 'to_date' and line_code in ('I1', 'E')
    group by company_id, currency_code
    union all
    select
        company_id,
        currency_code,
        -sum(net_amount) as amount
    from {{ ref('int_credits__net') }}
    where is_live
    group by company_id, currency_code
    union all
    select
        company_id,
        currency_code,
        -sum(amount) as amount
    from {{ ref('variance_by_class') }}
    group by company_id, currency_code

)

select
    company_id,
    currency_code,
    sum(amount) as unexplained
from totals
group by company_id, currency_code
having sum(amount) != 0
