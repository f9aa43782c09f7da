-- The steps of a deal's billing plan add up to its basis, to the cent.
with

deals as (

    select * from {{ ref('int_deals__billable') }}

),

steps as (

    select
        org_id,
        deal_id,
        sum(amount) as amount
    from {{ ref('int_billing_plan__steps') }}
    group by org_id, deal_id

)

select
    deals.deal_id,
    deals.basis_amount,
    steps.amount
from deals
left join steps on deals.org_id = steps.org_id and deals.deal_id = steps.deal_id
where steps.amount is distinct from deals.basis_amount
