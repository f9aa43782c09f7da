{{ config(contract={'enforced': true}) }}

-- Why a pair of account and customer is what it is, one row per ground: the rule or person that
-- decided, each key that both records hold, and what each comparison adds to the score in bits.
-- The comparisons of a pair, with the prior, add up to its match weight.
with

matched as (
    select * from {{ ref('matched_customers') }}
),

account_records as (
    select * from {{ ref('int_accounts__normalised') }}
),

customer_records as (
    select * from {{ ref('int_customers__normalised') }}
),

scores as (
    select * from {{ source('matching', 'customer_scores') }}
),

account_keys as (
    {{ explained_keys('account_records', 'account', 'org_id', 'account_id') }}
),

customer_keys as (
    {{ explained_keys('customer_records', 'customer', 'company_id', 'customer_id') }}
),

account_keys_counted as (
    select
        *,
        count(*) over (partition by scope_id, key_kind, key_value) as holders
    from account_keys
),

customer_keys_counted as (
    select
        *,
        count(*) over (partition by scope_id, key_kind, key_value) as holders
    from customer_keys
),

decided as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        1 as sort_order,
        case when method = 'manual' then 'decision' else 'rule' end as ground,
        method as name,
        null as account_value,
        null as customer_value,
        null as bits,
        case
            when method = 'manual'
                then
                    case match_state when 'rejected' then 'rejected' else 'confirmed' end
                    || ' by ' || decided_by
                    || coalesce(': ' || (evidence ->> '$.reason'), '')
            when match_state = 'confirmed' then 'the rule links it'
            when method in ('customer_taken', 'account_linked')
                then 'the other side is linked elsewhere'
            else 'proposed, ' || match_state
        end as said
    from matched
),

shared as (
    select
        matched.org_id,
        matched.account_id,
        matched.company_id,
        matched.customer_id,
        2 as sort_order,
        'key' as ground,
        account_keys_counted.key_kind as name,
        account_keys_counted.key_value as account_value,
        customer_keys_counted.key_value as customer_value,
        null as bits,
        'held by ' || account_keys_counted.holders
        || case when account_keys_counted.holders = 1 then ' account' else ' accounts' end
        || ' and ' || customer_keys_counted.holders
        || case when customer_keys_counted.holders = 1 then ' customer' else ' customers' end
            as said
    from matched
    inner join account_keys_counted
        on
            matched.org_id = account_keys_counted.scope_id
            and matched.account_id = account_keys_counted.record_id
    inner join customer_keys_counted
        on
            matched.company_id = customer_keys_counted.scope_id
            and matched.customer_id = customer_keys_counted.record_id
            and account_keys_counted.key_kind = customer_keys_counted.key_kind
            and account_keys_counted.key_value = customer_keys_counted.key_value
),

contributions as (
    select
        scores.org_id,
        scores.account_id,
        scores.company_id,
        scores.customer_id,
        scores.match_weight,
        unnest(json_keys(scores.evidence)) as name,
        scores.evidence
    from scores
    inner join matched
        on
            scores.org_id = matched.org_id
            and scores.account_id = matched.account_id
            and scores.company_id = matched.company_id
            and scores.customer_id = matched.customer_id
),

weighed as (
    select
        *,
        try_cast(json_extract_string(evidence, '$."' || name || '"') as double) as bits
    from contributions
),

compared as (
    select
        weighed.org_id,
        weighed.account_id,
        weighed.company_id,
        weighed.customer_id,
        3 as sort_order,
        'comparison' as ground,
        weighed.name,
        {{ explained_value('account_records', 'account_name') }} as account_value,
        {{ explained_value('customer_records', 'customer_name') }} as customer_value,
        weighed.bits,
        case
            when weighed.bits > 0 then 'speaks for it'
            when weighed.bits < 0 then 'speaks against it'
            else 'says nothing'
        end as said
    from weighed
    left join account_records
        on
            weighed.org_id = account_records.org_id
            and weighed.account_id = account_records.account_id
    left join customer_records
        on
            weighed.company_id = customer_records.company_id
            and weighed.customer_id = customer_records.customer_id
    where weighed.bits is not null
),

prior as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        4 as sort_order,
        'comparison' as ground,
        'prior' as name,
        null as account_value,
        null as customer_value,
        round(any_value(match_weight) - sum(bits), 6) as bits,
        'before anything is compared' as said
    from weighed
    group by org_id, account_id, company_id, customer_id
),

combined as (
    select * from decided
    union all
    select * from shared
    union all
    select * from compared
    union all
    select * from prior
)

select
    org_id || '|' || account_id || '|' || company_id || '|' || customer_id as pair_id,
    org_id,
    account_id,
    company_id,
    customer_id,
    cast(row_number() over (
        partition by org_id, account_id, company_id, customer_id
        order by sort_order, abs(bits) desc nulls last, name, account_value
    ) as integer) as ground_number,
    ground,
    name,
    account_value,
    customer_value,
    cast(bits as double) as bits,
    said
from combined
