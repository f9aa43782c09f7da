{{ config(tags=['before_scores'], materialized='view') }}

-- Pairs worth comparing with everything that the model weighs and the decision reads.
select
    compared.org_id
    || '|' || compared.account_id
    || '|' || compared.company_id
    || '|' || compared.customer_id as pair_id,
    -- What puts equals into an order, whatever that of the rows.
    cast(hash(
        compared.org_id, compared.account_id, compared.company_id, compared.customer_id
    ) >> 1 as bigint) as pair_order,
    compared.*,
    standing.standing
from {{ ref('int_customers__compared') }} as compared
inner join {{ ref('int_customers__standing') }} as standing
    on
        compared.account_no = standing.account_no
        and compared.customer_no = standing.customer_no
