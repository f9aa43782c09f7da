{{ config(tags=['before_scores', 'matched_alone']) }}

-- Keys that an account and a customer share and that few enough hold to be worth a look, with how
-- rare each is.
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
)

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
