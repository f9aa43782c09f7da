{{ config(tags=['before_scores', 'matched_alone']) }}

-- Accounts and customers as one list with what both may be compared by.
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
    select * from {{ ref('int_customers__numbered') }}
)

select
    records.*,
    split_part(records.people[1], ' ', 1) as family_name,
    substr(split_part(records.people[1], ' ', 2), 1, 1) as initial,
    numbered.record_no,
    parents.record_no as parent_no
from records
inner join numbered
    on
        records.side = numbered.side
        and records.scope_id = numbered.scope_id
        and records.record_id = numbered.record_id
left join numbered as parents
    on
        records.side = parents.side
        and records.scope_id = parents.scope_id
        and records.parent_id = parents.record_id
