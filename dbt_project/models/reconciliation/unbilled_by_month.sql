-- Unbilled past its grace, by the month in which it fell due.
with

mismatches as (

    select * from {{ ref('mismatches') }}
    where mismatch_class in ('UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING')

),

final as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        cast(date_trunc('month', occurred_on) as date) as month_on,
        cast(sum(value_at_stake) as decimal(18, 2)) as amount,
        cast(count(*) as integer) as steps,
        cast(count(distinct deal_id) as integer) as deals
    from mismatches
    group by all

)

select * from final
