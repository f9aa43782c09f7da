{{ config(tags=['before_scores', 'matched_alone']) }}

-- A number for each account and customer, for the length of a matching. It decides nothing: a
-- record that comes later gets the next one.
with

records as (
    select
        'account' as side,
        org_id as scope_id,
        account_id as record_id
    from {{ ref('int_accounts__normalised') }}
    union all
    select
        'customer' as side,
        company_id as scope_id,
        customer_id as record_id
    from {{ ref('int_customers__normalised') }}
)

select
    *,
    cast(row_number() over (order by side, scope_id, record_id) as integer) as record_no
from records
