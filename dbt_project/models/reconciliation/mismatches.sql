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

    select * from {{ judged(ref('stg_salesforce__accounts')) }}

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
    select * from {{ ref('int_reconciliation__line_findings') }}
    union all by name
    select * from {{ ref('int_reconciliation__change_findings') }}
    union all by name
    select * from sources_open

),

-- What each record adds to the difference between billed and expected in its own books.
variances_summed as (

    select
        record_key,
        company_id,
        currency_code,
        sum(amount) as variance_amount
    from {{ ref('int_reconciliation__variances') }}
    group by record_key, company_id, currency_code

),

findings_ranked as (

    select
        findings.*,
        classes.precedence,
        classes.severity as class_severity,
        classes.owner_role,
        classes.root_cause,
        classes.suggested_action,
        row_number() over record as class_rank,
        first_value(findings.mismatch_class) over record as first_class
    from findings
    inner join classes on findings.mismatch_class = classes.mismatch_class
    window record as (
        partition by findings.record_key
        order by {{ by_precedence() }}
    )

),

flags as (

    select
        record_key,
        list(distinct mismatch_class order by mismatch_class) as classes
    from findings_ranked
    where mismatch_class != first_class
    group by record_key

),

findings_aged as (

    select
        findings_ranked.*,
        clock.as_of_on,
        clock.as_of_on - findings_ranked.occurred_on as age_days
    from findings_ranked
    cross join clock
    where findings_ranked.class_rank = 1

),

-- The ladder: by amount or by age, whichever is worse; harm to a customer goes one step up.
findings_graded as (

    select
        *,
        greatest(
            case
                when value_at_stake >= {{ var('severity_critical_from', 50000) }} then 4
                when value_at_stake >= {{ var('severity_high_from', 10000) }} then 3
                when value_at_stake >= {{ var('severity_medium_from', 1000) }} then 2
                else 1
            end,
            case when age_days > 60 then 3 when age_days > 30 then 2 else 1 end
        )
        + case when mismatch_class in ('DUPLICATE_INVOICE', 'OVER_BILLED') then 1 else 0 end
            as ladder
    from findings_aged

),

final as (

    select
        {{ mismatch_id('findings_graded') }} as mismatch_id,
        findings_graded.mismatch_class,
        cast(findings_graded.precedence as integer) as precedence,
        case
            -- What crosses the end of a period is for the controller while that period is closed.
            when
                abs(findings_graded.as_of_on - findings_graded.period_end_on)
                <= {{ var('period_end_days', 10) }}
                then 'high'
            when findings_graded.class_severity != 'by_amount' then findings_graded.class_severity
            else ['low', 'medium', 'high', 'critical'][least(findings_graded.ladder, 4)]
        end as severity,
        findings_graded.owner_role,
        findings_graded.company_id,
        findings_graded.org_id,
        findings_graded.deal_id,
        deals.deal_name,
        cast(findings_graded.plan_step as integer) as plan_step,
        findings_graded.document_type,
        findings_graded.document_id,
        findings_graded.document_number,
        findings_graded.account_id,
        accounts.account_name,
        findings_graded.customer_id,
        findings_graded.customer_name,
        findings_graded.currency_code,
        findings_graded.value_at_stake,
        findings_graded.expected_amount,
        findings_graded.actual_amount,
        findings_graded.occurred_on,
        cast(findings_graded.age_days as integer) as age_days,
        coalesce(flags.classes, []) as flags,
        findings_graded.reason,
        findings_graded.suggested_action,
        findings_graded.root_cause,
        cast(coalesce(variances_summed.variance_amount, 0) as decimal(18, 2)) as variance_amount,
        findings_graded.record_key
    from findings_graded
    left join variances_summed
        on
            findings_graded.record_key = variances_summed.record_key
            and coalesce(findings_graded.company_id, 'not routed') = variances_summed.company_id
            and findings_graded.currency_code = variances_summed.currency_code
    left join flags on findings_graded.record_key = flags.record_key
    left join deals
        on findings_graded.org_id = deals.org_id and findings_graded.deal_id = deals.deal_id
    left join accounts
        on
            findings_graded.org_id = accounts.org_id
            and findings_graded.account_id = accounts.account_id

)

select * from final
