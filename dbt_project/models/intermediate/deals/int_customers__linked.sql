-- Which QuickBooks customers may stand for which account: links that are decided and valid
-- today, and customers that we created for the account ourselves. A branch of a linked
-- customer counts as linked through its parent unless it is linked to an account itself.
with

matched as (

    select * from {{ ref('matched_customers') }}
    where valid_to is null

),

decisions as (

    select * from {{ ref('int_decisions__customers') }}

),

customers as (

    select * from {{ ref('stg_quickbooks__customers') }}

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}

),

ledger as (

    select * from {{ source('raw_state', 'ledger') }}
    where flow = 'customers' and action = 'create' and status = 'done'

),

created as (

    select
        accounts.org_id,
        ledger.record_id as account_id,
        ledger.company_id,
        ledger.remote_id as customer_id,
        cast(1 as decimal(9, 6)) as confidence,
        'manual' as match_state,
        'billing' as link_role,
        cast(null as varchar) as applies_to
    from ledger
    inner join accounts on ledger.record_id = accounts.account_id
    left join matched
        on
            accounts.org_id = matched.org_id
            and ledger.record_id = matched.account_id
            and ledger.company_id = matched.company_id
            and ledger.remote_id = matched.customer_id
            and matched.match_state in ('confirmed', 'manual', 'rejected')
    where matched.account_id is null

),

links as (

    select
        org_id,
        account_id,
        company_id,
        customer_id,
        confidence,
        match_state,
        link_role,
        applies_to
    from matched
    where {{ usable_link('match_state') }}

    union all

    select * from created

),

direct as (

    select
        links.org_id,
        links.account_id,
        links.company_id,
        links.customer_id,
        customers.display_name as customer_name,
        customers.currency_code,
        customers.term_id,
        customers.email,
        customers.taxable as is_taxable,
        customers.is_active and not customers.is_deleted as is_active,
        links.confidence,
        links.match_state,
        links.link_role,
        links.applies_to,
        coalesce(decisions.is_role_declared, false) as is_role_declared,
        true as is_direct
    from links
    inner join customers
        on
            links.company_id = customers.company_id
            and links.customer_id = customers.customer_id
    left join decisions
        on
            links.org_id = decisions.org_id
            and links.account_id = decisions.account_id
            and links.company_id = decisions.company_id
            and links.customer_id = decisions.customer_id

),

through_parent as (

    select
        direct.org_id,
        direct.account_id,
        customers.company_id,
        customers.customer_id,
        customers.display_name as customer_name,
        customers.currency_code,
        customers.term_id,
        customers.email,
        customers.taxable as is_taxable,
        customers.is_active and not customers.is_deleted as is_active,
        direct.confidence,
        direct.match_state,
        direct.link_role,
        direct.applies_to,
        direct.is_role_declared,
        false as is_direct
    from customers
    inner join direct
        on
            customers.company_id = direct.company_id
            and customers.parent_customer_id = direct.customer_id
    left join direct as own_links
        on
            customers.company_id = own_links.company_id
            and customers.customer_id = own_links.customer_id
    where own_links.customer_id is null

),

combined as (

    select * from direct
    union all
    select * from through_parent

),

final as (

    select * from combined
    qualify row_number() over (
        partition by org_id, account_id, company_id, customer_id
        order by is_direct desc, confidence desc nulls last
    ) = 1

)

select * from final
