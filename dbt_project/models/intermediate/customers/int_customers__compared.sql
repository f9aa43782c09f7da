{{ config(tags=['before_scores', 'matched_alone']) }}

-- Pairs of an account and a customer that share a key worth a look, and what speaks for and
-- against each. Everything the model weighs and the decision reads is a column here.
with

records as (
    select * from {{ ref('int_customers__records') }}
),

described as (
    select
        blocked.account_no,
        blocked.customer_no,
        accounts.scope_id as org_id,
        accounts.record_id as account_id,
        customers.scope_id as company_id,
        customers.record_id as customer_id,
        accounts.parent_no as account_parent_no,
        customers.parent_no as customer_parent_no,
        customers.is_active as is_active_customer,
        blocked.has_external_id,
        blocked.shared_bits,
        blocked.shared_rare_words,
        {% for kind in [
            'email', 'domain', 'phone', 'address', 'street', 'person', 'mailbox', 'name', 'joined'
        ] %}
        cast(blocked.{{ kind }}_holders // 1000 as integer) as {{ kind }}_account_holders,
        cast(blocked.{{ kind }}_holders % 1000 as integer) as {{ kind }}_customer_holders,
        {% endfor %}
        -- One holder on either side, or one account and a customer that is not active.
        coalesce(blocked.email_holders <= 1001, false) as is_own_mailbox,
        coalesce(blocked.domain_holders <= 1001, false) as is_own_domain,
        coalesce(blocked.phone_holders <= 1001, false) as is_own_phone,
        coalesce(blocked.address_holders <= 1001, false) as is_own_address,
        coalesce(blocked.name_postcode_holders <= 1001, false) as is_same_name_postcode,
        coalesce(blocked.name_phone_holders <= 1001, false) as is_same_name_phone,
        accounts.currency_code is not null
        and customers.currency_code is not null
        and accounts.currency_code != customers.currency_code as is_other_currency,
        list_has_any(accounts.emails, customers.emails) as is_same_mailbox,
        list_has_any(accounts.domains, customers.domains) as is_same_domain,
        list_has_any(accounts.phones, customers.phones) as is_same_phone,
        len(accounts.domains) > 0 and len(customers.domains) > 0 as has_both_domains,
        len(accounts.emails) > 0 and len(customers.emails) > 0 as has_both_emails,
        len(accounts.phones) > 0 and len(customers.phones) > 0 as has_both_phones,
        case
            when len(accounts.people) = 0 or len(customers.people) = 0 then 1
            when list_has_any(accounts.people, customers.people) then 4
            when accounts.family_name != customers.family_name then 0
            when accounts.initial = customers.initial then 3
            else 2
        end as person_agreement,
        -- A name that is the contact's own: name and contact are one ground, not two.
        list_has_any(accounts.people, customers.people)
        and contains(lower(strip_accents(accounts.record_name)), accounts.family_name)
            as is_named_after_person,
        coalesce(account_groups.own_domain_holders, 0) as account_domain_group,
        coalesce(customer_groups.own_domain_holders, 0) as customer_domain_group,
        coalesce(account_groups.own_phone_holders, 0) as account_phone_group,
        coalesce(customer_groups.own_phone_holders, 0) as customer_phone_group,
        case
            when len(accounts.phones) = 0 or len(customers.phones) = 0 then -1
            else list_max(list_transform(
                accounts.phones,
                lambda number: case
                    when list_contains(customers.phones, number) then 4
                    when left(number, 5) = left(customers.phones[1], 5) then 3
                    when left(number, 3) = left(customers.phones[1], 3) then 2
                    when left(number, 2) = left(customers.phones[1], 2) then 1
                    else 0
                end
            ))
        end as phone_agreement,
        case
            when len(accounts.domains) = 0 or len(customers.domains) = 0 then -1
            when list_has_any(accounts.domains, customers.domains) then 1001
            else
                cast(round(
                    1000
                    * jaro_winkler_similarity(accounts.domains[1], customers.domains[1])
                ) as integer)
        end as domain_likeness,
        accounts.postal_key = customers.postal_key as is_same_postcode,
        accounts.city_key = customers.city_key as is_same_city,
        accounts.house_number = customers.house_number as is_same_house,
        accounts.country_key = customers.country_key as is_same_country,
        case
            when accounts.postal_key is null or customers.postal_key is null then -1
            when accounts.postal_key = customers.postal_key then 3
            when left(accounts.postal_key, 3) = left(customers.postal_key, 3) then 2
            when left(accounts.postal_key, 2) = left(customers.postal_key, 2) then 1
            else 0
        end as postcode_agreement,
        case
            when accounts.city_key is null or customers.city_key is null then -1
            else
                cast(round(
                    1000 * jaro_winkler_similarity(accounts.city_key, customers.city_key)
                ) as integer)
        end as city_likeness,
        case
            when accounts.street_key is null or customers.street_key is null then -1
            else
                cast(round(
                    1000 * jaro_winkler_similarity(accounts.street_key, customers.street_key)
                ) as integer)
        end as street_likeness,
        case
            when accounts.house_number is null or customers.house_number is null then -1
            when accounts.house_number = customers.house_number then 2
            when
                length(accounts.house_number) > 2
                and levenshtein(accounts.house_number, customers.house_number) = 1
                then 1
            else 0
        end as house_agreement,
        case
            when accounts.country_key is null or customers.country_key is null then 1
            when accounts.country_key = customers.country_key then 2
            else 0
        end as country_agreement,
        accounts.parent_no is not null as is_child_account,
        customers.parent_no is not null as is_sub_customer
    from {{ ref('int_customers__blocked') }} as blocked
    inner join records as accounts on blocked.account_no = accounts.record_no
    inner join records as customers on blocked.customer_no = customers.record_no
    left join {{ ref('int_customers__groups') }} as account_groups
        on blocked.account_no = account_groups.record_no
    left join {{ ref('int_customers__groups') }} as customer_groups
        on blocked.customer_no = customer_groups.record_no
),

compared as (
    select
        described.*,
        named.* exclude (account_no, customer_no),
        case when described.is_other_currency then 'other' else 'same' end as currency_relation,
        case
            when described.is_own_mailbox then 'same'
            when described.is_same_mailbox then 'shared'
            when described.is_own_domain then 'domain'
            when described.is_same_domain then 'shared_domain'
            when described.has_both_domains then 'other_domain'
            when described.has_both_emails then 'other_mailbox'
            else 'unknown'
        end as mail_relation,
        case
            when described.is_own_phone then 'same'
            when described.is_same_phone then 'shared'
            when described.has_both_phones then 'different'
            else 'unknown'
        end as phone_relation,
        case
            when described.is_same_postcode and described.is_same_house then 'same'
            when described.is_same_postcode then 'postcode'
            when described.is_same_city then 'city'
            when described.is_same_postcode = false or described.is_same_city = false
                then 'different'
            else 'unknown'
        end as address_relation,
        least(named.account_alone_bits, named.customer_alone_bits) as both_alone_bits,
        cast(described.is_same_mailbox as integer)
        + cast(described.is_same_domain as integer)
        + cast(described.is_same_phone as integer)
        + cast(described.house_agreement = 2 as integer)
        + cast(described.postcode_agreement = 3 as integer)
        + cast(described.person_agreement = 4 as integer) as agreements,
        cast(described.domain_likeness between 0 and 1000 as integer)
        + cast(described.phone_agreement between 0 and 3 as integer)
        + cast(described.house_agreement = 0 as integer)
        + cast(described.postcode_agreement between 0 and 1 as integer)
        + cast(described.city_likeness between 0 and 800 as integer)
        + cast(described.person_agreement in (0, 2) as integer) as conflicts
    from described
    inner join {{ ref('int_customers__named') }} as named
        on
            described.account_no = named.account_no
            and described.customer_no = named.customer_no
)

-- A rough count of what agrees, to see whether another record fits better.
select
    *,
    6 - {{ name_rank('name_relation') }}
    + case mail_relation
        when 'same' then 4 when 'domain' then 3 when 'shared' then 2 when 'shared_domain' then 1
        when 'other_domain' then -1 else 0
    end
    + case phone_relation when 'same' then 3 when 'shared' then 1 else 0 end
    + case address_relation
        when 'same' then 3 when 'postcode' then 2 when 'city' then 1 when 'different' then -1
        else 0
    end as agreement
from compared
