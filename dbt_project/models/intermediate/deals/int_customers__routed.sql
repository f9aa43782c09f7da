-- Who is billed for a deal: the customer declared for it, or else the account's own; with the
-- reason where that is not one customer. One row per deal that is to be invoiced.
with

steps as (

    select distinct
        org_id,
        deal_id,
        account_id,
        company_id,
        currency_code
    from {{ ref('int_billing_plan__unbilled') }}

),

declared as (

    select * from {{ ref('int_customers__declared') }}

),

billable as (

    select * from {{ ref('int_customers__billable') }}

),

final as (

    select
        steps.org_id,
        steps.deal_id,
        steps.company_id,
        steps.currency_code,
        case when declared.deal_id is null then billable.customer_id else declared.customer_id end
            as customer_id,
        case when declared.deal_id is null then billable.term_id else declared.term_id end
            as term_id,
        case when declared.deal_id is null then billable.email else declared.email end as email,
        case when declared.deal_id is null then billable.is_taxable else declared.is_taxable end
            as is_taxable,
        case when declared.deal_id is null then billable.customer_change_key end
            as customer_change_key,
        case
            when declared.deal_id is null then billable.customer_blocked_reason
            else declared.customer_blocked_reason
        end as customer_blocked_reason,
        case
            when declared.deal_id is null then billable.customer_blocked_detail
            else declared.customer_blocked_detail
        end as customer_blocked_detail
    from steps
    left join declared
        on
            steps.org_id = declared.org_id
            and steps.deal_id = declared.deal_id
            and steps.company_id = declared.company_id
            and steps.currency_code = declared.currency_code
    left join billable
        on
            steps.org_id = billable.org_id
            and steps.account_id = billable.account_id
            and steps.company_id = billable.company_id
            and steps.currency_code = billable.currency_code

)

select * from final
