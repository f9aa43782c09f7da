{{ config(tags=['before_scores', 'matched_alone']) }}

-- Every pair of an account and a customer that share a key worth a look, and which keys they share.
with

keys as (
    select * from {{ ref('int_customers__keys') }}
),

shared_keys as (
    select * from {{ ref('int_customers__shared_keys') }}
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

-- Made before the customers are looked at: joined at once, accounts would meet customers by every
-- key they hold, the countless ones among them, before the rare ones are picked out.
accounts_of_keys as materialized (
    select
        account_keys.record_no as account_no,
        shared_keys.company_id,
        shared_keys.key_hash,
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
),

pairs as (
    select
        accounts_of_keys.account_no,
        customer_keys.record_no as customer_no,
        accounts_of_keys.key_kind,
        accounts_of_keys.holders_of_both,
        accounts_of_keys.bits
    from accounts_of_keys
    inner join keys as customer_keys
        on
            accounts_of_keys.key_hash = customer_keys.key_hash
            and customer_keys.side = 'customer'
            and accounts_of_keys.company_id = customer_keys.scope_id
    union all
    select
        account_no,
        customer_no,
        'linked' as key_kind,
        1001 as holders_of_both,
        0 as bits
    from linked_by_key
)

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
