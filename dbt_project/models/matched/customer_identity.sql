{{ config(
    contract={'enforced': true},
    post_hook="create or replace macro matched.customers_on(moment) as table
        select * from matched.customer_identity
        where valid_from <= moment and (valid_to is null or valid_to > moment)"
) }}

-- Who was who, and from when until when: one row per link of an account with a customer and period
-- in which it held. People's decisions say since when they count; what an account named by its key
-- is told by the history of the records; a rule's link holds since both records are there. A merge
-- ends a link and begins the winner's.
with

decisions as (
    select
        org_id,
        left_id as account_id,
        company_id,
        right_id as customer_id,
        decision,
        coalesce(nullif(role, ''), 'billing') as link_role,
        nullif(applies_to, '') as applies_to,
        'manual' as method,
        decided_by,
        number as decision_number,
        valid_from,
        valid_to,
        ended_how,
        ended_by
    from {{ source('raw_state', 'match_decision_period') }}
    where subject = 'customer'
),

current_accounts as (
    select * from {{ judged(ref('stg_salesforce__accounts')) }}
),

current_customers as (
    select * from {{ ref('stg_quickbooks__customers') }}
),

customer_deletions as (
    select
        company_id,
        record_id as customer_id,
        min(deleted_at) as deleted_at
    from {{ ref('stg_quickbooks__deletions') }}
    where entity = 'Customer'
    group by company_id, record_id
),

-- What the account named by its key, version by version; without a history, what it names today.
key_versions as (
    select
        org_id,
        id as account_id,
        nullif(trim(qbo_customer_id__c), '') as customer_key,
        coalesce(is_deleted, false) as is_deleted,
        known_from,
        known_to
    from (
        {{ history_of(source('history_salesforce', 'account'), {
            'org_id': 'varchar', 'id': 'varchar', 'qbo_customer_id__c': 'varchar',
            'is_deleted': 'boolean'
        }) }}
    ) as past
    where org_id in (select current_accounts.org_id from current_accounts)

    union all

    select
        org_id,
        account_id,
        linked_customer_key as customer_key,
        false as is_deleted,
        created_at as known_from,
        case when is_deleted then modified_at end as known_to
    from current_accounts
    where
        (org_id, account_id) not in (
            select (past.org_id, past.id) from (
                {{ history_of(source('history_salesforce', 'account'), {
                    'org_id': 'varchar', 'id': 'varchar'
                }) }}
            ) as past
        )
),

-- What was so when it was read first counts from the beginning.
key_changes as (
    select
        *,
        row_number() over account = 1 as is_first_known,
        row_number() over account = 1
        or coalesce(customer_key, '') != coalesce(lag(customer_key) over account, '')
        or is_deleted != lag(is_deleted) over account as is_change
    from key_versions
    window account as (partition by org_id, account_id order by known_from)
),

key_runs as (
    select
        *,
        sum(case when is_change then 1 else 0 end)
            over (partition by org_id, account_id order by known_from) as run
    from key_changes
),

keys as (
    select
        key_runs.org_id,
        key_runs.account_id,
        split_part(any_value(key_runs.customer_key), ':', 1) as company_id,
        split_part(any_value(key_runs.customer_key), ':', 2) as customer_id,
        case when not bool_or(key_runs.is_first_known) then min(key_runs.known_from) end
            as valid_from,
        case when count(*) = count(key_runs.known_to) then max(key_runs.known_to) end as valid_to
    from key_runs
    where key_runs.customer_key like '%:%' and not key_runs.is_deleted
    group by key_runs.org_id, key_runs.account_id, key_runs.run
),

ruled as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        method,
        valid_from
    from {{ ref('matched_customers') }}
    where match_state = 'confirmed'
),

claims as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        link_role,
        applies_to,
        method,
        decided_by,
        decision_number,
        valid_from,
        valid_to,
        ended_how,
        ended_by,
        2 as strength
    from decisions
    where decision = 'confirmed'

    union all

    select
        keys.org_id,
        keys.account_id,
        keys.company_id,
        keys.customer_id,
        'billing' as link_role,
        null as applies_to,
        'external_id' as method,
        'rule external_id' as decided_by,
        null as decision_number,
        greatest(
            coalesce(keys.valid_from, current_accounts.created_at), current_customers.created_at
        ) as valid_from,
        least(keys.valid_to, customer_deletions.deleted_at) as valid_to,
        case
            when customer_deletions.deleted_at <= coalesce(keys.valid_to, 'infinity')
                then 'customer_deleted'
            when current_accounts.is_deleted and keys.valid_to is not null then 'account_deleted'
            when keys.valid_to is not null then 'key_changed'
        end as ended_how,
        null as ended_by,
        1 as strength
    from keys
    inner join current_customers
        on
            keys.company_id = current_customers.company_id
            and keys.customer_id = current_customers.customer_id
    left join current_accounts
        on keys.org_id = current_accounts.org_id and keys.account_id = current_accounts.account_id
    left join customer_deletions
        on
            keys.company_id = customer_deletions.company_id
            and keys.customer_id = customer_deletions.customer_id

    union all

    select
        org_id,
        account_id,
        company_id,
        customer_id,
        'billing' as link_role,
        null as applies_to,
        method,
        'rule ' || method as decided_by,
        null as decision_number,
        valid_from,
        null as valid_to,
        null as ended_how,
        null as ended_by,
        1 as strength
    from ruled
    where method != 'external_id'
),

accounts_claimed as (
    select distinct
        org_id,
        account_id
    from claims
),

customers_claimed as (
    select distinct
        company_id,
        customer_id
    from claims
),

-- Whose place a record took: itself until it lost a merge, then the winner, then the winner's.
accounts_over_time as (
    select
        claimed.org_id,
        claimed.account_id,
        claimed.account_id as holder_id,
        cast('-infinity' as timestamptz) as held_from,
        min(merged.merged_at) as held_to
    from accounts_claimed as claimed
    left join {{ ref('int_accounts__merged') }} as merged
        on claimed.org_id = merged.org_id and claimed.account_id = merged.account_id
    group by claimed.org_id, claimed.account_id

    union all

    select
        org_id,
        account_id,
        survivor_id as holder_id,
        merged_at as held_from,
        merged_again_at as held_to
    from {{ ref('int_accounts__merged') }}
),

customers_over_time as (
    select
        claimed.company_id,
        claimed.customer_id,
        claimed.customer_id as holder_id,
        cast('-infinity' as timestamptz) as held_from,
        merged.merged_at as held_to
    from customers_claimed as claimed
    left join {{ ref('int_customers__merged') }} as merged
        on claimed.company_id = merged.company_id and claimed.customer_id = merged.customer_id

    union all

    select
        company_id,
        customer_id,
        survivor_id as holder_id,
        merged_at as held_from,
        cast(null as timestamptz) as held_to
    from {{ ref('int_customers__merged') }}
),

-- A loser's link does not end with the loser's record: it goes on with the winner.
held as (
    select
        claims.* exclude (account_id, customer_id, valid_from, valid_to, ended_how, ended_by),
        claims.account_id as linked_account_id,
        claims.customer_id as linked_customer_id,
        accounts_over_time.holder_id as account_id,
        customers_over_time.holder_id as customer_id,
        greatest(claims.valid_from, accounts_over_time.held_from, customers_over_time.held_from)
            as valid_from,
        least(
            case
                when
                    claims.ended_how in ('account_deleted', 'customer_deleted')
                    and (
                        bool_or(accounts_over_time.held_to is not null) over claim
                        or bool_or(customers_over_time.held_to is not null) over claim
                    )
                    then null
                else claims.valid_to
            end,
            accounts_over_time.held_to,
            customers_over_time.held_to
        ) as valid_to,
        case
            when
                accounts_over_time.held_to
                <= least(
                    coalesce(claims.valid_to, 'infinity'),
                    coalesce(customers_over_time.held_to, 'infinity')
                )
                then 'account_merged'
            when customers_over_time.held_to <= coalesce(claims.valid_to, 'infinity')
                then 'customer_merged'
            else claims.ended_how
        end as ended_how,
        claims.ended_by
    from claims
    inner join accounts_over_time
        on
            claims.org_id = accounts_over_time.org_id
            and claims.account_id = accounts_over_time.account_id
    inner join customers_over_time
        on
            claims.company_id = customers_over_time.company_id
            and claims.customer_id = customers_over_time.customer_id
    window claim as (
        partition by
            claims.org_id, claims.account_id, claims.company_id, claims.customer_id,
            claims.method, claims.valid_from, claims.decision_number
    )
),

ranked as (
    select
        * exclude (strength),
        strength * 2
        + case
            when account_id = linked_account_id and customer_id = linked_customer_id then 1 else 0
        end as strength,
        row_number() over (order by all_columns) as claim_id
    from (
        select
            *,
            concat_ws(
                '|', org_id, linked_account_id, company_id, linked_customer_id, account_id,
                customer_id, method, valid_from, decision_number
            ) as all_columns
        from held
        where valid_to is null or valid_from < valid_to
    ) as numbered
),

-- What a person said about a pair beats what a rule or a merge says of it, as long as it counts.
overruling as (
    select
        org_id,
        account_id,
        company_id,
        customer_id,
        valid_from,
        coalesce(valid_to, 'infinity') as valid_to,
        decision,
        decided_by,
        5 as strength
    from decisions

    union all

    select
        org_id,
        account_id,
        company_id,
        customer_id,
        valid_from,
        coalesce(valid_to, 'infinity') as valid_to,
        'confirmed' as decision,
        decided_by,
        strength
    from ranked
    where strength in (3, 4)
),

-- The parts of a claim that nothing overrules: before, between and after.
cuts as (
    select
        ranked.claim_id,
        overruling.valid_from as cut_from,
        overruling.valid_to as cut_to,
        overruling.decision,
        overruling.decided_by
    from ranked
    inner join overruling
        on
            ranked.org_id = overruling.org_id
            and ranked.account_id = overruling.account_id
            and ranked.company_id = overruling.company_id
            and ranked.customer_id = overruling.customer_id
            and ranked.strength < overruling.strength

    union all

    select
        claim_id,
        coalesce(valid_to, 'infinity') as cut_from,
        cast('infinity' as timestamptz) as cut_to,
        null as decision,
        null as decided_by
    from ranked
),

parts as (
    select
        claim_id,
        decision,
        decided_by as cut_by,
        cut_from,
        coalesce(
            max(cut_to) over (
                partition by claim_id
                order by cut_from, cut_to
                rows between unbounded preceding and 1 preceding
            ), '-infinity'
        ) as part_from
    from cuts
),

periods as (
    select
        ranked.* exclude (valid_from, valid_to, ended_how, ended_by, all_columns),
        greatest(ranked.valid_from, parts.part_from) as valid_from,
        nullif(least(coalesce(ranked.valid_to, 'infinity'), parts.cut_from), 'infinity')
            as valid_to,
        case
            when parts.cut_from < coalesce(ranked.valid_to, 'infinity') then 'overruled'
            else ranked.ended_how
        end as ended_how,
        case
            when parts.cut_from < coalesce(ranked.valid_to, 'infinity') then parts.cut_by
            else ranked.ended_by
        end as ended_by
    from ranked
    inner join parts on ranked.claim_id = parts.claim_id
    where
        greatest(ranked.valid_from, parts.part_from)
        < least(coalesce(ranked.valid_to, 'infinity'), parts.cut_from)
),

usable as (
    select
        org_id,
        account_id,
        company_id,
        customer_id
    from {{ ref('matched_customers') }}
    where {{ usable_link('match_state') }}
)

-- A key that is not followed today (its pair waits for a person again) holds no longer.
select
    periods.org_id,
    periods.account_id,
    current_accounts.account_name,
    periods.company_id,
    periods.customer_id,
    current_customers.display_name as customer_name,
    periods.link_role,
    periods.applies_to,
    periods.method,
    periods.decided_by,
    periods.decision_number,
    periods.valid_from,
    periods.valid_to,
    case when periods.valid_to is not null then periods.ended_how end as ended_how,
    case when periods.valid_to is not null then periods.ended_by end as ended_by,
    periods.linked_account_id,
    periods.linked_customer_id
from periods
left join current_accounts
    on
        periods.org_id = current_accounts.org_id
        and periods.account_id = current_accounts.account_id
left join current_customers
    on
        periods.company_id = current_customers.company_id
        and periods.customer_id = current_customers.customer_id
left join usable
    on
        periods.org_id = usable.org_id
        and periods.account_id = usable.account_id
        and periods.company_id = usable.company_id
        and periods.customer_id = usable.customer_id
where periods.valid_to is not null or usable.org_id is not null
