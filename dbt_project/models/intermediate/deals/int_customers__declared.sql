-- Customers that a person declared for one deal (project) or for the region that the deal names:
-- they are billed instead of the account's own. One row per deal to be invoiced that has any.
with

steps as (

    select distinct
        org_id,
        deal_id,
        account_id,
        company_id,
        currency_code
    from {{ ref('int_billing_plan__unbilled') }}
    where company_id is not null

),

deals as (

    select * from {{ judged(ref('stg_salesforce__opportunities')) }}

),

links as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct and link_role in ('project', 'region')

),

declared as (

    select
        steps.org_id,
        steps.deal_id,
        steps.company_id,
        steps.currency_code,
        links.link_role,
        links.applies_to,
        links.customer_id,
        links.customer_name,
        links.term_id,
        links.email,
        links.is_taxable,
        links.is_active,
        links.currency_code as customer_currency_code
    from steps
    inner join deals on steps.org_id = deals.org_id and steps.deal_id = deals.deal_id
    inner join links
        on
            steps.org_id = links.org_id
            and steps.account_id = links.account_id
            and steps.company_id = links.company_id
            and (
                (
                    links.link_role = 'project'
                    and left(links.applies_to, 15) = left(deals.deal_id, 15)
                )
                or (
                    links.link_role = 'region'
                    and lower(links.applies_to) = lower(deals.billing_region)
                )
            )

),

-- A project is nearer to the deal than its region.
nearest as (

    select * from declared
    qualify link_role = min(link_role) over (partition by org_id, deal_id, company_id)

),

final as (

    select
        org_id,
        deal_id,
        company_id,
        currency_code,
        any_value(link_role) as link_role,
        min(customer_id) as customer_id,
        min(customer_name) as customer_name,
        any_value(term_id) as term_id,
        any_value(email) as email,
        bool_or(is_taxable) as is_taxable,
        case
            when count(*) > 1 then 'customer_role_unclear'
            when not bool_and(is_active) then 'customer_inactive'
            when bool_or(coalesce(customer_currency_code != currency_code, false))
                then 'wrong_customer_currency'
        end as customer_blocked_reason,
        case
            when count(*) > 1
                then
                    count(*) || ' customers are declared for this '
                    || case any_value(link_role) when 'project' then 'deal' else 'region' end
                    || ': ' || string_agg(customer_name, ', ' order by customer_id)
            when not bool_and(is_active) then min(customer_name) || ' is not active any more'
            when bool_or(coalesce(customer_currency_code != currency_code, false))
                then min(customer_name) || ' is billed in ' || min(customer_currency_code)
        end as customer_blocked_detail
    from nearest
    group by org_id, deal_id, company_id, currency_code

)

select * from final
