{{ config(tags=['before_scores']) }}

-- Every key by which an account or an active customer may be found, and how many records of its
-- side hold it. A key that several hold belongs to a group and names none of its members.
with

records as (
    select
        'account' as side,
        org_id as scope_id,
        account_id as record_id,
        emails,
        domains,
        phones,
        postal_key,
        house_number
    from {{ ref('int_accounts__normalised') }}
    union all
    select
        'customer' as side,
        company_id as scope_id,
        customer_id as record_id,
        emails,
        domains,
        phones,
        postal_key,
        house_number
    from {{ ref('int_customers__normalised') }}
    where is_active
),

names as (
    select distinct
        names.side,
        names.scope_id,
        names.record_id,
        names.token_key,
        names.tokens,
        records.phones,
        records.postal_key
    from {{ ref('int_names__normalised') }} as names
    inner join records
        on
            names.side = records.side
            and names.scope_id = records.scope_id
            and names.record_id = records.record_id
),

keys as (
    select
        side,
        scope_id,
        record_id,
        'email' as key_kind,
        unnest(emails) as key_value
    from records
    union all
    select
        side,
        scope_id,
        record_id,
        'domain' as key_kind,
        unnest(domains) as key_value
    from records
    union all
    select
        side,
        scope_id,
        record_id,
        'phone' as key_kind,
        unnest(phones) as key_value
    from records
    union all
    select
        side,
        scope_id,
        record_id,
        'address' as key_kind,
        postal_key || ' ' || house_number as key_value
    from records
    union all
    select
        side,
        scope_id,
        record_id,
        'name' as key_kind,
        token_key as key_value
    from names
    union all
    select
        side,
        scope_id,
        record_id,
        'name_postcode' as key_kind,
        token_key || '|' || postal_key as key_value
    from names
    union all
    select
        side,
        scope_id,
        record_id,
        'name_phone' as key_kind,
        token_key || '|' || unnest(phones) as key_value
    from names
    union all
    select
        side,
        scope_id,
        record_id,
        'word' as key_kind,
        unnest(tokens) as key_value
    from names
),

distinct_keys as (
    select distinct * from keys
    where key_value is not null
)

select
    *,
    count(*) over (partition by side, scope_id, key_kind, key_value) as holders
from distinct_keys
