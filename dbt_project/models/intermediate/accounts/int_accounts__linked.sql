{{ config(tags=['before_scores']) }}

-- Which customer each live account names by its key (<company>:<customer>). The key of an account
-- that was merged away is the winner's, and a key to a customer that was merged away means the
-- customer that is left.
with

accounts as (
    select
        org_id,
        account_id,
        split_part(linked_customer_key, ':', 1) as company_id,
        split_part(linked_customer_key, ':', 2) as customer_id,
        is_deleted
    from {{ judged(ref('stg_salesforce__accounts')) }}
    where linked_customer_key like '%:%'
),

accounts_merged as (
    select * from {{ ref('int_accounts__merged') }}
    where is_last
),

customers_merged as (
    select * from {{ ref('int_customers__merged') }}
),

moved as (
    select
        accounts.org_id,
        coalesce(accounts_merged.survivor_id, accounts.account_id) as account_id,
        accounts.company_id,
        coalesce(customers_merged.survivor_id, accounts.customer_id) as customer_id
    from accounts
    left join accounts_merged
        on
            accounts.org_id = accounts_merged.org_id
            and accounts.account_id = accounts_merged.account_id
    left join customers_merged
        on
            accounts.company_id = customers_merged.company_id
            and accounts.customer_id = customers_merged.customer_id
    where not accounts.is_deleted or accounts_merged.survivor_id is not null
)

select distinct
    org_id,
    account_id,
    company_id,
    customer_id
from moved
