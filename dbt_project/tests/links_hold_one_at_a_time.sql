-- No link of one account and one customer has two periods that overlap, and those that hold today
-- are the links that matching uses.
with

periods as (
    select * from {{ ref('customer_identity') }}
),

overlapping as (
    select
        earlier.account_id,
        earlier.customer_id,
        'two periods overlap' as problem
    from periods as earlier
    inner join periods as later
        on
            earlier.org_id = later.org_id
            and earlier.account_id = later.account_id
            and earlier.company_id = later.company_id
            and earlier.customer_id = later.customer_id
            and earlier.valid_from < later.valid_from
            and coalesce(earlier.valid_to, 'infinity') > later.valid_from
),

open_now as (
    select
        org_id,
        account_id,
        company_id,
        customer_id
    from periods
    where valid_to is null
),

used as (
    select
        org_id,
        account_id,
        company_id,
        customer_id
    from {{ ref('matched_customers') }}
    where {{ usable_link('match_state') }}
)

select * from overlapping
union all
select
    coalesce(open_now.account_id, used.account_id) as account_id,
    coalesce(open_now.customer_id, used.customer_id) as customer_id,
    'held and not used, or used and not held' as problem
from open_now
full outer join used
    on
        open_now.org_id = used.org_id
        and open_now.account_id = used.account_id
        and open_now.company_id = used.company_id
        and open_now.customer_id = used.customer_id
where open_now.account_id is null or used.account_id is null
