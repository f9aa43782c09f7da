{{ config(tags=['before_scores', 'matched_alone']) }}

-- One row per customer that is not deleted with everything that may identify it.
with

customers as (
    select
        *,
        {{ mail_addresses('email') }} as emails,
        {{ web_domain('website') }} as web_domain,
        {{ street_line('billing_line1', 'billing_line2') }} as billing_street
    from {{ ref('stg_quickbooks__customers') }}
    where not is_deleted
),

free_mail as (
    select list(domain) as domains from {{ ref('free_mail_domains') }}
)

select
    customers.company_id,
    customers.customer_id,
    customers.display_name as customer_name,
    customers.parent_customer_id,
    customers.currency_code,
    customers.is_active,
    list_sort(list_distinct(customers.emails)) as emails,
    list_sort(list_filter(
        list_distinct(list_append(
            list_transform(customers.emails, lambda address: split_part(address, '@', 2)),
            customers.web_domain
        )),
        lambda domain: domain is not null and not list_contains(free_mail.domains, domain)
    )) as domains,
    list_sort(list_filter(
        list_distinct([
            {{ phone_key('customers.phone') }},
            {{ phone_key('customers.alternate_phone') }},
            {{ phone_key('customers.mobile_phone') }}
        ]),
        lambda number: number is not null
    )) as phones,
    list_filter(
        [{{ person_key('customers.given_name', 'customers.family_name', "''") }}],
        lambda person: person is not null
    ) as people,
    {{ postal_key('customers.billing_postal_code') }} as postal_key,
    {{ house_number('customers.billing_street') }} as house_number,
    {{ street_key('customers.billing_street') }} as street_key,
    nullif({{ plain_letters('trim(customers.billing_city)') }}, '') as city_key,
    {{ country_key('customers.billing_country') }} as country_key,
    customers.created_at
from customers
cross join free_mail
