-- Everything that does not agree, each record once: the first class of the taxonomy carries the
-- value, the others on the same record are flags.
with

clock as (

    select * from {{ ref('int_clock') }}

),

classes as (

    select * from {{ ref('mismatch_classes') }}

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

accounts as (

    select * from {{ ref('stg_salesforce__accounts') }}

),

verdicts as (

    select * from {{ ref('data_verdict') }}

),

sources_open as (

    select
        'source|' || system || '|' || source_id as record_key,
        'NOT_CONCLUDED' as mismatch_class,
        case when system = 'quickbooks' then source_id end as company_id,
        case when system = 'salesforce' then source_id end as org_id,
        reason
    from verdicts
    where verdict = 'not_concluded'

),

findings as (

    select * from {{ ref('int_reconciliation__document_findings') }}
    union all by name
    select * from {{ ref('int_reconciliation__step_findings') }}
    union all by name
    select * from sources_open

),

findings_ranked as (

    select
        findings.*,
        classes.precedence,
        classes.severity as class_severity,
        classes.owner_role,
        classes.root_cause,
        classes.suggested_action,
        row_number() over record as class_rank
    from findings
    inner join classes on findings.mismatch_class = classes.mismatch_class
    window record as (
        partition by findings.record_key
        order by
            classes.precedence,
            findings.value_at_stake desc nulls last,
            findings.deal_id,
            findings.plan_step
    )

),

flags as (

    select
        record_key,
        list(distinct mismatch_class order by mismatch_class) as classes
    from findings_ranked
    where class_rank > 1
    group by record_key

),

-- The ladder: by amount or by age, whichever is worse; harm to a customer goes one step up.
findings_aged as (

    select
        findings_ranked.*,
        clock.as_of_on - findings_ranked.occurred_on as age_days,
        greatest(
            case
                when value_at_stake >= {{ var('severity_critical_from', 50000) }} then 4
                when value_at_stake >= {{ var('severity_high_from', 10000) }} then 3
                when value_at_stake >= {{ var('severity_medium_from', 1000) }} then 2
                else 1
            end,
            case
                when clock.as_of_on - findings_ranked.occurred_on > 60 then 3
                when clock.as_of_on - findings_ranked.occurred_on > 30 then 2
                else 1
            end
        ) + case when mismatch_class in ('DUPLICATE_INVOICE', 'OVER_BILLED') then 1 else 0 end
            as ladder
    from findings_ranked
    cross join clock
    where class_rank = 1

),

final as (

    select
        md5(concat_ws(
            '|',
            findings_aged.mismatch_class,
            coalesce(findings_aged.company_id, ''),
            coalesce(findings_aged.deal_id, ''),
            coalesce(findings_aged.plan_step::varchar, ''),
            coalesce(findings_aged.document_type || findings_aged.document_id, '')
        )) as mismatch_id,
        findings_aged.mismatch_class,
        findings_aged.precedence::integer as precedence,
        case
            when findings_aged.class_severity != 'by_amount' then findings_aged.class_severity
            else ['low', 'medium', 'high', 'critical'][least(findings_aged.ladder, 4)]
        end as severity,
        findings_aged.owner_role,
        findings_aged.company_id,
        findings_aged.org_id,
        findings_aged.deal_id,
        deals.deal_name,
        findings_aged.plan_step::integer as plan_step,
        findings_aged.document_type,
        findings_aged.document_id,
        findings_aged.document_number,
        findings_aged.account_id,
        accounts.account_name,
        findings_aged.customer_id,
        findings_aged.customer_name,
        findings_aged.currency_code,
        findings_aged.value_at_stake,
        findings_aged.expected_amount,
        findings_aged.actual_amount,
        findings_aged.occurred_on,
        findings_aged.age_days::integer as age_days,
        list_filter(
            coalesce(flags.classes, []), lambda flag : flag != findings_aged.mismatch_class
        ) as flags,
        findings_aged.reason,
        findings_aged.suggested_action,
        findings_aged.root_cause
    from findings_aged
    left join flags on findings_aged.record_key = flags.record_key
    left join deals
        on findings_aged.org_id = deals.org_id and findings_aged.deal_id = deals.deal_id
    left join accounts
        on
            findings_aged.org_id = accounts.org_id
            and findings_aged.account_id = accounts.account_id

)

select * from final
