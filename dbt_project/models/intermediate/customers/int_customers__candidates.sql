{{ config(tags=['before_scores']) }}

-- Pairs of an account and a customer that share at least one key worth a look, and what speaks for
-- and against each. Everything the model weighs and the decision reads is a column here.
with

account_keys as (
    select * from {{ ref('int_customers__keys') }}
    where side = 'account'
),

customer_keys as (
    select * from {{ ref('int_customers__keys') }}
    where side = 'customer'
),

shared_keys as (
    select
        account_keys.scope_id as org_id,
        account_keys.record_id as account_id,
        customer_keys.scope_id as company_id,
        customer_keys.record_id as customer_id,
        account_keys.key_kind,
        greatest(account_keys.holders, customer_keys.holders) as holders
    from account_keys
    inner join customer_keys
        on
            account_keys.key_kind = customer_keys.key_kind
            and account_keys.key_value = customer_keys.key_value
    where
        account_keys.holders <= {{ var('block_key_held_by_at_most', 40) }}
        and customer_keys.holders <= {{ var('block_key_held_by_at_most', 40) }}
        and (
            account_keys.key_kind != 'word'
            or greatest(account_keys.holders, customer_keys.holders)
            <= {{ var('block_word_held_by_at_most', 8) }}
        )
),

blocked_by_key as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        min(holders) filter (where key_kind = 'email') as email_holders,
        min(holders) filter (where key_kind = 'domain') as domain_holders,
        min(holders) filter (where key_kind = 'phone') as phone_holders,
        min(holders) filter (where key_kind = 'address') as address_holders,
        min(holders) filter (where key_kind = 'name') as name_holders,
        min(holders) filter (where key_kind = 'name_postcode') as name_postcode_holders,
        min(holders) filter (where key_kind = 'name_phone') as name_phone_holders,
        min(holders) filter (where key_kind = 'word') as word_holders
    from shared_keys
    group by org_id, account_id, company_id, customer_id
),

-- A key that Salesforce carries makes a candidate whatever else the records say.
linked_by_key as (
    select
        linked.org_id,
        linked.account_id,
        customers.company_id,
        customers.customer_id
    from {{ ref('int_accounts__linked') }} as linked
    inner join {{ ref('int_accounts__normalised') }} as accounts
        on linked.org_id = accounts.org_id and linked.account_id = accounts.account_id
    inner join {{ ref('int_customers__normalised') }} as customers
        on linked.company_id = customers.company_id and linked.customer_id = customers.customer_id
),

blocked as (
    select
        coalesce(by_key.org_id, linked.org_id) as org_id,
        coalesce(by_key.account_id, linked.account_id) as account_id,
        coalesce(by_key.company_id, linked.company_id) as company_id,
        coalesce(by_key.customer_id, linked.customer_id) as customer_id,
        linked.account_id is not null as has_external_id,
        by_key.* exclude (org_id, account_id, company_id, customer_id)
    from blocked_by_key as by_key
    full outer join linked_by_key as linked
        on
            by_key.org_id = linked.org_id
            and by_key.account_id = linked.account_id
            and by_key.company_id = linked.company_id
            and by_key.customer_id = linked.customer_id
),

described as (
    select
        blocked.*,
        accounts.currency_code is not null
        and customers.currency_code is not null
        and accounts.currency_code != customers.currency_code as is_other_currency,
        len(accounts.domains) > 0 and len(customers.domains) > 0 as has_both_domains,
        len(accounts.emails) > 0 and len(customers.emails) > 0 as has_both_emails,
        len(accounts.phones) > 0 and len(customers.phones) > 0 as has_both_phones,
        accounts.postal_key = customers.postal_key as is_same_postcode,
        accounts.city_key = customers.city_key as is_same_city,
        accounts.house_number = customers.house_number as is_same_house
    from blocked
    inner join {{ ref('int_accounts__normalised') }} as accounts
        on blocked.org_id = accounts.org_id and blocked.account_id = accounts.account_id
    inner join {{ ref('int_customers__normalised') }} as customers
        on
            blocked.company_id = customers.company_id
            and blocked.customer_id = customers.customer_id
),

name_pairs as (
    select
        blocked.org_id,
        blocked.account_id,
        blocked.company_id,
        blocked.customer_id,
        account_names.token_key = customer_names.token_key as is_same_key,
        len(list_intersect(account_names.tokens, customer_names.tokens)) as shared_words,
        {{ unmatched_words('account_names.tokens', 'customer_names.tokens') }} as account_words,
        {{ unmatched_words('customer_names.tokens', 'account_names.tokens') }} as customer_words,
        len(account_names.legal_families) > 0
        and len(customer_names.legal_families) > 0
        and not list_has_any(account_names.legal_families, customer_names.legal_families)
            as is_other_legal_family,
        coalesce(account_names.name_number != customer_names.name_number, false)
            as is_other_number
    from blocked
    inner join {{ ref('int_names__normalised') }} as account_names
        on
            account_names.side = 'account'
            and blocked.org_id = account_names.scope_id
            and blocked.account_id = account_names.record_id
    inner join {{ ref('int_names__normalised') }} as customer_names
        on
            customer_names.side = 'customer'
            and blocked.company_id = customer_names.scope_id
            and blocked.customer_id = customer_names.record_id
),

name_relations as (
    select
        *,
        case
            when is_other_number then 'partly'
            when is_other_legal_family and len(account_words) + len(customer_words) = 0
                then 'other_form'
            when is_same_key then 'same'
            when len(account_words) + len(customer_words) = 0 then 'close'
            when len(account_words) = 0 or len(customer_words) = 0 then 'contained'
            when shared_words > 0 then 'partly'
            else 'different'
        end as name_relation
    from name_pairs
),

best_names as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        min_by(name_relation, {{ name_rank('name_relation') }}) as name_relation,
        list_sort(min_by(account_words || customer_words, {{ name_rank('name_relation') }}))
            as telling_words
    from name_relations
    group by org_id, account_id, company_id, customer_id
),

compared as (
    select
        described.org_id,
        described.account_id,
        described.company_id,
        described.customer_id,
        described.has_external_id,
        described.is_other_currency,
        case when described.is_other_currency then 'other' else 'same' end as currency_relation,
        coalesce(best_names.name_relation, 'different') as name_relation,
        coalesce(best_names.telling_words, []) as telling_words,
        case
            when described.email_holders <= {{ var('key_is_shared_above', 1) }} then 'same'
            when described.email_holders is not null then 'shared'
            when described.domain_holders <= {{ var('key_is_shared_above', 1) }} then 'domain'
            when described.domain_holders is not null then 'shared_domain'
            when described.has_both_domains then 'other_domain'
            when described.has_both_emails then 'other_mailbox'
            else 'unknown'
        end as mail_relation,
        case
            when described.phone_holders <= {{ var('key_is_shared_above', 1) }} then 'same'
            when described.phone_holders is not null then 'shared'
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
        described.name_postcode_holders <= {{ var('key_is_shared_above', 1) }}
            as is_same_name_postcode,
        described.name_phone_holders <= {{ var('key_is_shared_above', 1) }} as is_same_name_phone,
        described.email_holders <= {{ var('key_is_shared_above', 1) }} as is_own_mailbox,
        described.domain_holders <= {{ var('key_is_shared_above', 1) }} as is_own_domain,
        described.phone_holders <= {{ var('key_is_shared_above', 1) }} as is_own_phone,
        described.address_holders <= {{ var('key_is_shared_above', 1) }} as is_own_address,
        described.name_holders
    from described
    left join best_names
        on
            described.org_id = best_names.org_id
            and described.account_id = best_names.account_id
            and described.company_id = best_names.company_id
            and described.customer_id = best_names.customer_id
),

-- Competition: a rough count of what agrees, to see whether another record fits better.
counted as (
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
),

placed as (
    select
        *,
        max(agreement) over (partition by org_id, account_id, company_id) as best_of_account,
        max(agreement) over (partition by company_id, customer_id) as best_of_customer,
        count(*) over (partition by org_id, account_id, company_id, agreement) as equals_of_account,
        count(*) over (partition by company_id, customer_id, agreement) as equals_of_customer
    from counted
)

select
    org_id || '|' || account_id || '|' || company_id || '|' || customer_id as pair_id,
    * exclude (best_of_account, best_of_customer, equals_of_account, equals_of_customer),
    case
        when agreement < best_of_account or agreement < best_of_customer then 'beaten'
        when equals_of_account > 1 or equals_of_customer > 1 then 'tied'
        else 'best'
    end as standing
from placed
-- A word in common alone makes no pair; something else must agree or the name must fit.
where
    has_external_id
    or name_relation in ('same', 'close', 'contained', 'other_form')
    or mail_relation in ('same', 'shared', 'domain', 'shared_domain')
    or phone_relation in ('same', 'shared')
    or address_relation = 'same'
