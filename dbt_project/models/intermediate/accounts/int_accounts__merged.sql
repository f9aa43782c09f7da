{{ config(tags=['before_scores']) }}

-- Accounts that were merged away, one row per account that took each one's place: the winner of the
-- merge, and whoever that one lost to later. Salesforce keeps the winner's id on the loser
-- (MasterRecordId) and deletes the loser at that moment.
with recursive

-- What the recycle bin has given up is still in the history.
losers as (
    select
        org_id,
        account_id,
        master_account_id,
        modified_at as merged_at
    from {{ judged(ref('stg_salesforce__accounts')) }}
    where master_account_id is not null

    union

    select
        past.org_id,
        past.id as account_id,
        past.master_record_id as master_account_id,
        cast(past.system_modstamp as timestamptz) as merged_at
    from (
        {{ history_of(source('history_salesforce', 'account'), {
            'org_id': 'varchar', 'id': 'varchar', 'master_record_id': 'varchar',
            'system_modstamp': 'timestamptz'
        }) }}
    ) as past
    where past.master_record_id is not null
),

first_merges as (
    select
        org_id,
        account_id,
        arg_min(master_account_id, merged_at) as master_account_id,
        min(merged_at) as merged_at
    from losers
    group by org_id, account_id
),

-- A winner may lose later; a ring, which no vendor makes, would end the search.
chains as (
    select
        org_id,
        account_id,
        master_account_id as survivor_id,
        merged_at,
        [account_id, master_account_id] as seen
    from first_merges

    union all

    select
        chains.org_id,
        chains.account_id,
        next_merge.master_account_id as survivor_id,
        greatest(chains.merged_at, next_merge.merged_at) as merged_at,
        list_append(chains.seen, next_merge.master_account_id) as seen
    from chains
    inner join first_merges as next_merge
        on
            chains.org_id = next_merge.org_id
            and chains.survivor_id = next_merge.account_id
            and not list_contains(chains.seen, next_merge.master_account_id)
)

select
    org_id,
    account_id,
    survivor_id,
    merged_at,
    lead(merged_at) over hops as merged_again_at,
    lead(merged_at) over hops is null as is_last
from chains
window hops as (partition by org_id, account_id order by len(seen))
