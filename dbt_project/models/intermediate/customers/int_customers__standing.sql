{{ config(tags=['before_scores', 'matched_alone']) }}

-- Competition: whether another record of either side fits better than a pair's own, or as well.
with

placed as (
    select
        account_no,
        customer_no,
        agreement,
        max(agreement) over (partition by account_no, company_id) as best_of_account,
        max(agreement) over (partition by customer_no, org_id) as best_of_customer,
        count(*) over (partition by account_no, company_id, agreement) as equals_of_account,
        count(*) over (partition by customer_no, org_id, agreement) as equals_of_customer
    from {{ ref('int_customers__compared') }}
)

select
    account_no,
    customer_no,
    case
        when agreement < best_of_account or agreement < best_of_customer then 'beaten'
        when equals_of_account > 1 or equals_of_customer > 1 then 'tied'
        else 'best'
    end as standing
from placed
