-- What people decided about account and customer, one row per pair as it is today. A confirmed
-- link moves with a merge to the record that is left; a rejection speaks only of the pair it was
-- made about, and only while what the person saw is still so. A link that was taken back while the
-- account still names the customer is asked again, or undoing it would change nothing.
with

decisions as (
    select
        org_id,
        left_id as account_id,
        company_id,
        right_id as customer_id,
        decision,
        decided_by,
        decided_at,
        reason,
        coalesce(nullif(role, ''), 'billing') as link_role,
        coalesce(role, '') != '' as is_role_declared,
        nullif(applies_to, '') as applies_to,
        nullif(evidence, '') as evidence_then,
        number
    from {{ source('raw_state', 'match_decision') }}
    where subject = 'customer'
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
        decisions.* exclude (account_id, customer_id),
        case
            when decisions.decision = 'confirmed'
                then coalesce(accounts_merged.survivor_id, decisions.account_id)
            else decisions.account_id
        end as account_id,
        case
            when decisions.decision = 'confirmed'
                then coalesce(customers_merged.survivor_id, decisions.customer_id)
            else decisions.customer_id
        end as customer_id,
        decisions.account_id as decided_account_id,
        decisions.customer_id as decided_customer_id
    from decisions
    left join accounts_merged
        on
            decisions.org_id = accounts_merged.org_id
            and decisions.account_id = accounts_merged.account_id
    left join customers_merged
        on
            decisions.company_id = customers_merged.company_id
            and decisions.customer_id = customers_merged.customer_id
),

-- Of several that now speak of one pair, the one about the pair itself comes first.
latest as (
    select * from moved
    qualify row_number() over (
        partition by org_id, account_id, company_id, customer_id
        order by
            account_id = decided_account_id and customer_id = decided_customer_id desc,
            decided_at desc,
            number desc nulls last,
            decision asc
    ) = 1
),

evidence_now as (
    {{ customer_evidence('latest') }}
),

compared as (
    select
        latest.*,
        case
            when latest.decision = 'rejected'
                then {{ evidence_changes(
                    'latest.evidence_then', 'evidence_now.evidence', customer_evidence_keys()
                ) }}
        end as changes
    from latest
    left join evidence_now
        on
            latest.org_id = evidence_now.org_id
            and latest.account_id = evidence_now.account_id
            and latest.company_id = evidence_now.company_id
            and latest.customer_id = evidence_now.customer_id
),

taken_back as (
    select
        periods.org_id,
        periods.left_id as account_id,
        periods.company_id,
        periods.right_id as customer_id,
        periods.ended_by,
        periods.valid_to,
        periods.number
    from {{ source('raw_state', 'match_decision_period') }} as periods
    inner join {{ ref('int_accounts__linked') }} as accounts
        on
            periods.org_id = accounts.org_id
            and periods.left_id = accounts.account_id
            and periods.company_id = accounts.company_id
            and periods.right_id = accounts.customer_id
    left join latest
        on
            periods.org_id = latest.org_id
            and periods.left_id = latest.account_id
            and periods.company_id = latest.company_id
            and periods.right_id = latest.customer_id
    where
        periods.subject = 'customer'
        and periods.decision = 'confirmed'
        and periods.ended_how = 'undone'
        and latest.org_id is null
    qualify row_number() over (
        partition by periods.org_id, periods.left_id, periods.company_id, periods.right_id
        order by periods.valid_to desc, periods.number desc
    ) = 1
)

select
    org_id,
    account_id,
    company_id,
    customer_id,
    case when changes is null then decision end as decision,
    decided_by,
    decided_at,
    reason,
    link_role,
    is_role_declared,
    applies_to,
    number,
    decided_account_id,
    decided_customer_id,
    case
        when changes is not null
            then
                'Rejected by ' || decided_by || ' on ' || strftime(decided_at, '%Y-%m-%d')
                || '; since then ' || changes
    end as returned_because
from compared

union all

select
    org_id,
    account_id,
    company_id,
    customer_id,
    null as decision,
    null as decided_by,
    null as decided_at,
    null as reason,
    null as link_role,
    false as is_role_declared,
    null as applies_to,
    number,
    account_id as decided_account_id,
    customer_id as decided_customer_id,
    'Taken back by ' || ended_by || ' on ' || strftime(valid_to, '%Y-%m-%d')
    || ', and the account still names the customer' as returned_because
from taken_back
