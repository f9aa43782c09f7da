{{ config(contract={'enforced': true}) }}

with

decided as (
    select * from {{ ref('int_customers__decided') }}
),

accounts as (
    select * from {{ judged(ref('stg_salesforce__accounts')) }}
),

customers as (
    select * from {{ ref('stg_quickbooks__customers') }}
),

named as (
    select
        decided.*,
        accounts.account_name,
        coalesce(customers.display_name, 'customer ' || decided.customer_id) as customer_name,
        coalesce(
            decided.decided_at, greatest(accounts.created_at, customers.created_at)
        ) as linked_from
    from decided
    inner join accounts
        on
            decided.org_id = accounts.org_id
            and decided.account_id = accounts.account_id
            and not accounts.is_deleted
    inner join customers
        on
            decided.company_id = customers.company_id
            and decided.customer_id = customers.customer_id
            and not customers.is_deleted
)

select
    org_id,
    account_id,
    account_name,
    company_id,
    customer_id,
    customer_name,
    match_state,
    method,
    confidence,
    cast(to_json({
        'name': name_relation,
        'telling_words': telling_words,
        'mail': mail_relation,
        'phone': phone_relation,
        'address': address_relation,
        'standing': standing,
        'other_currency': is_other_currency,
        'reason': decision_reason,
        'contributions': cast(contributions as json)
    }) as varchar) as evidence,
    coalesce(link_role, 'billing') as link_role,
    applies_to,
    case when match_state in ('confirmed', 'manual') then linked_from end as valid_from,
    cast(null as timestamptz) as valid_to,
    coalesce(decided_by, case when match_state = 'confirmed' then 'rule ' || method end)
        as decided_by,
    cast(row_number() over (
        partition by org_id, account_id, company_id
        order by
            case match_state
                when 'manual' then 1 when 'confirmed' then 2 when 'suggested' then 3
                when 'ambiguous' then 3 else 4
            end,
            proposal_rank nulls last,
            confidence desc,
            customer_id
    ) as integer) as candidate_rank
from named
