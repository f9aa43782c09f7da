{{ config(tags=['closing']) }}

-- Exceptions of the week: what is found now, and what the week opened with and is gone. People
-- move them along; only a run that no longer finds one closes it.
with

clock as (

    select * from {{ ref('int_clock') }}

),

found as (

    select * from {{ ref('int_exceptions__found') }}

),

lives as (

    select * from {{ ref('int_exceptions__lives') }}

),

classes as (

    select * from {{ ref('mismatch_classes') }}

),

-- What it was when it was last recorded: of an exception that is gone nothing else is left.
last_records as (

    select
        exception_id,
        arg_max(mismatch_class, run_number) as mismatch_class,
        arg_max(company_id, run_number) as company_id,
        arg_max(currency_code, run_number) as currency_code,
        arg_max(is_material, run_number) as is_material,
        arg_max(details, run_number) as details
    from {{ source('raw_state', 'recorded_exception') }}
    group by exception_id

),

gone as (

    select
        last_records.exception_id,
        last_records.mismatch_class,
        classes.precedence,
        last_records.details ->> 'severity' as severity,
        classes.owner_role,
        last_records.company_id,
        last_records.details ->> 'org_id' as org_id,
        last_records.details ->> 'deal_id' as deal_id,
        last_records.details ->> 'deal_name' as deal_name,
        cast(last_records.details ->> 'plan_step' as integer) as plan_step,
        last_records.details ->> 'document_type' as document_type,
        last_records.details ->> 'document_id' as document_id,
        last_records.details ->> 'document_number' as document_number,
        last_records.details ->> 'account_name' as account_name,
        last_records.details ->> 'customer_name' as customer_name,
        last_records.currency_code,
        cast(last_records.details ->> 'occurred_on' as date) as occurred_on,
        last_records.details ->> 'reason' as reason,
        last_records.is_material,
        classes.suggested_action,
        classes.root_cause as suggested_root_cause
    from last_records
    inner join lives
        on last_records.exception_id = lives.exception_id and lives.is_opening
    inner join classes on last_records.mismatch_class = classes.mismatch_class
    left join found on last_records.exception_id = found.exception_id
    where found.exception_id is null

),

here as (

    select
        exception_id,
        mismatch_class,
        precedence,
        severity,
        owner_role,
        company_id,
        org_id,
        deal_id,
        deal_name,
        plan_step,
        document_type,
        document_id,
        document_number,
        account_name,
        customer_name,
        currency_code,
        value_at_stake,
        occurred_on,
        reason,
        is_material,
        suggested_action,
        root_cause as suggested_root_cause,
        true as is_found
    from found

),

listed as (

    select * from here
    union all by name
    select
        *,
        false as is_found
    from gone

),

stated as (

    select
        listed.*,
        lives.first_seen_at,
        lives.is_opening,
        lives.opening_amount,
        lives.owner,
        lives.word,
        lives.root_cause as given_root_cause,
        clock.as_of_at,
        clock.as_of_on,
        case
            when not listed.is_found then 'verified_closed'
            when {{ is_accepted('lives.word', 'listed.value_at_stake', 'clock.as_of_on') }}
                then 'accepted'
            when lives.word.event in ('accept', 'reopen') then 'reopened'
            when lives.word.event = 'explain' then 'explained'
            when lives.word.event = 'plan_fix' then 'fix_planned'
            when lives.word.event = 'apply_fix' then 'fix_applied'
            when lives.word.event = 'false_positive' then 'false_positive'
            when lives.gone_at is not null then 'reopened'
            when lives.owner is not null then 'assigned'
            else 'open'
        end as exception_state
    from listed
    inner join lives on listed.exception_id = lives.exception_id
    cross join clock

),

final as (

    select
        exception_id,
        mismatch_class,
        cast(precedence as integer) as precedence,
        severity,
        exception_state,
        case
            when not is_found then 'closed'
            when is_opening then 'carried'
            else 'new'
        end as movement,
        is_material,
        -- Material and not dealt with: bars the signature.
        is_material and (
            exception_state in ('open', 'assigned', 'reopened')
            or (exception_state = 'verified_closed' and given_root_cause is null)
        ) as needs_explanation,
        owner,
        owner_role,
        company_id,
        org_id,
        deal_id,
        deal_name,
        plan_step,
        document_type,
        document_id,
        document_number,
        account_name,
        customer_name,
        currency_code,
        cast(case when is_found then value_at_stake else 0 end as decimal(18, 2)) as value_at_stake,
        cast(opening_amount as decimal(18, 2)) as opening_amount,
        occurred_on,
        cast(as_of_on - occurred_on as integer) as age_days,
        case
            when as_of_on - occurred_on <= 7 then '0-7'
            when as_of_on - occurred_on <= 14 then '8-14'
            when as_of_on - occurred_on <= 30 then '15-30'
            when as_of_on - occurred_on <= 60 then '31-60'
            when as_of_on - occurred_on > 60 then '60+'
        end as age_bucket,
        coalesce(first_seen_at, as_of_at) as first_seen_at,
        cast(
            as_of_on - cast(timezone('UTC', coalesce(first_seen_at, as_of_at)) as date) as integer
        ) as known_days,
        coalesce(given_root_cause, suggested_root_cause) as root_cause,
        given_root_cause is not null as is_root_cause_given,
        reason,
        suggested_action,
        word.reason as explanation,
        word.decided_by as explained_by,
        word.decided_at as explained_at,
        word.accepted_until
    from stated

)

select * from final
