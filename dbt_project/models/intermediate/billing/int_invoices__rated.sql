-- The exchange rate of each invoice in a foreign currency, where the org's own rates are to be used
-- (`invoice_exchange_rate`): units of the company's currency for one of the invoice's, from the
-- org's rates of the day. Without that setting QuickBooks takes the rate of its own list.
with

steps as (

    select * from {{ ref('int_billing_plan__unbilled') }}
    where company_id is not null

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

clock as (

    select * from {{ ref('int_clock') }}

),

-- In whole ten-thousand-millionths, so that a rate is divided exactly.
rates as (

    select
        rates.org_id,
        rates.currency_code,
        cast(rates.conversion_rate * 10000000000 as hugeint) as units
    from {{ judged(ref('stg_salesforce__conversion_rates')) }} as rates
    cross join clock
    where
        rates.valid_from <= clock.as_of_on
        and (rates.valid_until is null or rates.valid_until > clock.as_of_on)
        and rates.conversion_rate > 0
    qualify row_number() over (
        partition by rates.org_id, rates.currency_code
        order by rates.valid_from desc, rates.conversion_rate_id
    ) = 1

),

steps_foreign as (

    select distinct
        steps.org_id,
        steps.company_id,
        steps.currency_code,
        companies.home_currency_code
    from steps
    inner join companies on steps.company_id = companies.company_id
    where
        companies.is_multi_currency
        and companies.home_currency_code != steps.currency_code
        and '{{ var("invoice_exchange_rate", "quickbooks") }}' = 'salesforce'

),

final as (

    select
        steps_foreign.org_id,
        steps_foreign.company_id,
        steps_foreign.currency_code,
        cast(
            (2 * home.units * 1000000 + own.units) // (2 * own.units) * 0.000001 as decimal(18, 6)
        ) as exchange_rate,
        case when home.units is null or own.units is null then 'exchange_rate_missing' end
            as blocked_reason,
        case
            when own.units is null
                then 'The org has no rate of this day for ' || steps_foreign.currency_code
            when home.units is null
                then 'The org has no rate of this day for ' || steps_foreign.home_currency_code
        end as blocked_detail
    from steps_foreign
    left join rates as own
        on
            steps_foreign.org_id = own.org_id
            and steps_foreign.currency_code = own.currency_code
    left join rates as home
        on
            steps_foreign.org_id = home.org_id
            and steps_foreign.home_currency_code = home.currency_code

)

select * from final
