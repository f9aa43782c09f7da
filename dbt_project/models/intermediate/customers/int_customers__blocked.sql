{{ config(tags=['before_scores']) }}

-- Pairs of an account and a customer that share a key worth a look: for each record those that
-- share the rarest. A key that many hold is no ground to compare them.
with

keys as (
    select * from {{ ref('int_customers__keys') }}
),

account_holders as (
    select
        key_hash,
        key_kind,
        scope_id,
        count(*) as holders
    from keys
    where side = 'account'
    group by key_hash, key_kind, scope_id
),

customer_holders as (
    select
        key_hash,
        key_kind,
        scope_id,
        count(*) as holders,
        count(*) filter (where is_active) as active_holders
    from keys
    where side = 'customer'
    group by key_hash, key_kind, scope_id
),

shared_keys as (
    select
        account_holders.key_hash,
        account_holders.key_kind,
        account_holders.scope_id as org_id,
        customer_holders.scope_id as company_id,
        account_holders.holders as account_holders,
        customer_holders.active_holders as customer_holders,
        cast(round(100 * greatest(
            30 - log2(account_holders.holders * customer_holders.holders), 1
        )) as integer) as bits
    from account_holders
    inner join customer_holders on account_holders.key_hash = customer_holders.key_hash
    where
        account_holders.holders * customer_holders.holders
        <= case
            when
                account_holders.key_kind in (
                    'email', 'domain', 'phone', 'address', 'name', 'name_postcode', 'name_phone'
                )
                then {{ var('block_key_shared_by_pairs', 400) }}
            else {{ var('block_word_shared_by_pairs', 60) }}
        end
),

-- A key that Salesforce carries makes a candidate whatever else the records say.
linked_by_key as (
    select
        account_records.record_no as account_no,
        customer_records.record_no as customer_no
    from {{ ref('int_accounts__linked') }} as linked
    inner join {{ ref('int_customers__records') }} as account_records
        on
            account_records.side = 'account'
            and linked.org_id = account_records.scope_id
            and linked.account_id = account_records.record_id
    inner join {{ ref('int_customers__records') }} as customer_records
        on
            customer_records.side = 'customer'
            and linked.company_id = customer_records.scope_id
            and linked.customer_id = customer_records.record_id
),

pairs as (
    select
        account_keys.record_no as account_no,
        customer_keys.record_no as customer_no,
        shared_keys.key_kind,
        cast(shared_keys.account_holders * 1000 + shared_keys.customer_holders as integer)
            as holders_of_both,
        shared_keys.bits
    from shared_keys
    inner join keys as account_keys
        on
            shared_keys.key_hash = account_keys.key_hash
            and account_keys.side = 'account'
            and shared_keys.org_id = account_keys.scope_id
    inner join keys as customer_keys
        on
            shared_keys.key_hash = customer_keys.key_hash
            and customer_keys.side = 'customer'
            and shared_keys.company_id = customer_keys.scope_id
    union all
    select
        account_no,
        customer_no,
        'linked' as key_kind,
        1001 as holders_of_both,
        0 as bits
    from linked_by_key
),

weighed as (
    select
        account_no,
        customer_no,
        cast(sum(bits) as integer) as shared_bits,
        {% for kind in [
            'email', 'domain', 'phone', 'address', 'street', 'person', 'mailbox', 'name',
            'name_postcode', 'name_phone', 'joined'
        ] %}
        min(holders_of_both) filter (where key_kind = '{{ kind }}') as {{ kind }}_holders,
        {% endfor %}
        bool_or(key_kind = 'linked') as has_external_id,
        cast(count(*) filter (where key_kind = 'word') as integer) as shared_rare_words
    from pairs
    group by account_no, customer_no
)

select *
from weighed
qualify
    has_external_id
    or rank() over (partition by account_no order by shared_bits desc)
    <= {{ var('block_best_of_each', 8) }}
    or rank() over (partition by customer_no order by shared_bits desc)
    <= {{ var('block_best_of_each', 8) }}
