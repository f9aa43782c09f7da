{{ config(tags=['before_scores', 'matched_alone']) }}

-- One row per live account with everything that may identify it, in comparable form.
with

accounts as (
    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted
),

contacts as (
    select * from {{ judged(ref('stg_salesforce__contacts')) }}
    where not is_deleted and account_id is not null
),

contact_mail as (
    select
        org_id,
        account_id,
        list_distinct(flatten(list({{ mail_addresses('email') }}))) as emails,
        list_distinct(list({{ phone_key('phone') }})) as phones,
        list_distinct(list({{ person_key('first_name', 'last_name', 'contact_name') }})) as people
    from contacts
    group by org_id, account_id
),

known as (
    select
        accounts.*,
        coalesce(contact_mail.emails, []) as emails,
        coalesce(contact_mail.people, []) as people,
        list_filter(
            list_distinct(
                list_append(coalesce(contact_mail.phones, []), {{ phone_key('accounts.phone') }})
            ),
            lambda number: number is not null
        ) as phones,
        {{ web_domain('accounts.website') }} as web_domain,
        {{ street_line(
            "split_part(accounts.billing_street, chr(10), 1)",
            "substr(accounts.billing_street, strpos(accounts.billing_street, chr(10)) + 1)"
        ) }} as street_text
    from accounts
    left join contact_mail
        on
            accounts.org_id = contact_mail.org_id
            and accounts.account_id = contact_mail.account_id
),

free_mail as (
    select list(domain) as domains from {{ ref('free_mail_domains') }}
)

select
    known.org_id,
    known.account_id,
    known.account_name,
    known.parent_account_id,
    known.linked_customer_key,
    known.currency_code,
    list_sort(known.emails) as emails,
    list_sort(list_filter(
        list_distinct(list_append(
            list_transform(known.emails, lambda address: split_part(address, '@', 2)),
            known.web_domain
        )),
        lambda domain: domain is not null and not list_contains(free_mail.domains, domain)
    )) as domains,
    list_sort(known.phones) as phones,
    list_sort(list_filter(known.people, lambda person: person is not null)) as people,
    {{ postal_key('known.billing_postal_code') }} as postal_key,
    {{ house_number('known.street_text') }} as house_number,
    {{ street_key('known.street_text') }} as street_key,
    nullif({{ plain_letters('trim(known.billing_city)') }}, '') as city_key,
    {{ country_key('known.billing_country') }} as country_key,
    known.created_at
from known
cross join free_mail
