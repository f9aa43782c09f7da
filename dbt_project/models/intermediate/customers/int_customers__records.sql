{{ config(tags=['before_scores']) }}

-- Accounts and customers as one list, numbered, with what both may be compared by.
with

records as (
    select
        'account' as side,
        org_id as scope_id,
        account_id as record_id,
        account_name as record_name,
        parent_account_id as parent_id,
        emails,
        domains,
        phones,
        people,
        postal_key,
        house_number,
        street_key,
        city_key,
        country_key,
        currency_code,
        true as is_active
    from {{ ref('int_accounts__normalised') }}
    union all
    select
        'customer' as side,
        company_id as scope_id,
        customer_id as record_id,
        customer_name as record_name,
        parent_customer_id as parent_id,
        emails,
        domains,
        phones,
        people,
        postal_key,
        house_number,
        street_key,
        city_key,
        country_key,
        currency_code,
        is_active
    from {{ ref('int_customers__normalised') }}
),

numbered as (
    select
        *,
        cast(row_number() over (order by side, scope_id, record_id) as integer) as record_no
    from records
),

-- How many records of its side share the domain or the telephone that most of them share: the
-- size of the group that a record belongs to.
single_keys as (
    select
        record_no,
        side,
        scope_id,
        'domain' as key_kind,
        unnest(domains) as key_value
    from numbered
    union all
    select
        record_no,
        side,
        scope_id,
        'phone' as key_kind,
        unnest(phones) as key_value
    from numbered
),

counted_keys as (
    select
        record_no,
        key_kind,
        count(*) over (partition by side, scope_id, key_kind, key_value) as holders
    from single_keys
),

group_sizes as (
    select
        record_no,
        max(holders) filter (where key_kind = 'domain') as domain_holders,
        max(holders) filter (where key_kind = 'phone') as phone_holders
    from counted_keys
    group by record_no
)

select
    numbered.*,
    split_part(numbered.people[1], ' ', 1) as family_name,
    substr(split_part(numbered.people[1], ' ', 2), 1, 1) as initial,
    parents.record_no as parent_no,
    coalesce(group_sizes.domain_holders, 0) as own_domain_holders,
    coalesce(group_sizes.phone_holders, 0) as own_phone_holders
from numbered
left join group_sizes on numbered.record_no = group_sizes.record_no
left join numbered as parents
    on
        numbered.side = parents.side
        and numbered.scope_id = parents.scope_id
        and numbered.parent_id = parents.record_id
