{#- The classes whose findings depend on what had happened by the day; every other finding is there
    from its own date on. -#}
{% macro classes_by_day() -%}
    (
        'UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING', 'UNDER_BILLED', 'OVER_BILLED',
        'DUPLICATE_INVOICE', 'CREDITED_AFTER_BILLING', 'REOPENED_OR_LOST', 'UNAPPLIED_PAYMENT',
        'UNAPPLIED_CREDIT'
    )
{%- endmacro %}

{#- The mismatches on each of these days, each record once, with their materiality by the settings
    in force. -#}
{% macro mismatches_on_days() -%}
    create or replace macro reconciliation.mismatches_as_of(days_asked) as table
    with moments as (

        {{ moments_asked() }}

    ),

    steps as materialized (

        select * from reconciliation.steps_as_of(days_asked)

    ),

    companies as (

        select * from staging.stg_quickbooks__companies

    ),

    documents as (

        select
            moments.as_of_on,
            documents.*
        from intermediate.int_reconciliation__documents as documents
        inner join moments on documents.invoice_on <= moments.as_of_on or moments.is_now

    ),

    credits as (

        select
            moments.as_of_on,
            credits.*
        from intermediate.int_credits__allocated as credits
        inner join moments on credits.credited_on <= moments.as_of_on or moments.is_now

    ),

    credits_summed as (

        select
            as_of_on,
            org_id,
            deal_id,
            plan_step,
            sum(credited_amount) as credited_amount
        from credits
        group by as_of_on, org_id, deal_id, plan_step

    ),

    of_steps as (

        select
            as_of_on,
            'step|' || org_id || '|' || deal_id || '|' || plan_step as record_key,
            case outcome when 'unbilled' then 'UNBILLED_CLOSED_WON' else 'VOIDED_AFTER_BILLING' end
                as mismatch_class,
            case
                when outcome = 'voided' then predecessor.company_id
                else nullif(company_id, 'not routed')
            end as company_id,
            org_id,
            deal_id,
            plan_step,
            case when outcome = 'voided' then 'invoice' end as document_type,
            case when outcome = 'voided' then predecessor.invoice_id end as document_id,
            case when outcome = 'voided' then predecessor.document_number end as document_number,
            currency_code,
            amount as value_at_stake,
            due_on as occurred_on
        from steps
        where outcome in ('unbilled', 'voided')

    ),

    of_billed_steps as (

        select
            as_of_on,
            'invoice|' || main_document.company_id || '|' || main_document.invoice_id
                as record_key,
            {{ class_of_difference() }} as mismatch_class,
            main_document.company_id as company_id,
            org_id,
            deal_id,
            plan_step,
            'invoice' as document_type,
            main_document.invoice_id as document_id,
            main_document.document_number as document_number,
            currency_code,
            {{ value_of_difference() }} as value_at_stake,
            first_invoice_on as occurred_on
        from steps
        where {{ differs_from_plan() }}

    ),

    of_duplicates as (

        select
            documents.as_of_on,
            'invoice|' || documents.company_id || '|' || documents.invoice_id as record_key,
            'DUPLICATE_INVOICE' as mismatch_class,
            documents.company_id,
            coalesce(documents.org_id, documents.customer_org_id) as org_id,
            documents.deal_id,
            documents.plan_step,
            'invoice' as document_type,
            documents.invoice_id as document_id,
            documents.document_number,
            documents.currency_code,
            documents.amount as value_at_stake,
            documents.invoice_on as occurred_on
        from documents
        left join steps
            on
                documents.as_of_on = steps.as_of_on
                and documents.org_id = steps.org_id
                and documents.deal_id = steps.deal_id
                and documents.plan_step = steps.plan_step
        where
            documents.placement = 'duplicate'
            and not coalesce(steps.is_duplicate_settled, false)

    ),

    of_deals_not_won as (

        {{ invoices_not_won(on_day=true) }}

    ),

    of_lost_deals as (

        select
            as_of_on,
            'invoice|' || company_id || '|' || invoice_id as record_key,
            'REOPENED_OR_LOST' as mismatch_class,
            company_id,
            coalesce(org_id, customer_org_id) as org_id,
            deal_id,
            plan_step,
            'invoice' as document_type,
            invoice_id as document_id,
            document_number,
            currency_code,
            left_amount as value_at_stake,
            invoice_on as occurred_on
        from of_deals_not_won
        where left_amount > {{ no_difference_in_force('amount', 'line_count') }}

    ),

    of_credits as (

        select
            credits.as_of_on,
            credits.document_type || '|' || credits.company_id || '|' || credits.document_id
                as record_key,
            'CREDITED_AFTER_BILLING' as mismatch_class,
            credits.company_id,
            credits.org_id,
            credits.deal_id,
            credits.plan_step,
            credits.document_type,
            credits.document_id,
            credits.document_number,
            credits.currency_code,
            credits.credited_amount as value_at_stake,
            credits.credited_on as occurred_on
        from credits
        inner join steps
            on
                credits.as_of_on = steps.as_of_on
                and credits.org_id = steps.org_id
                and credits.deal_id = steps.deal_id
                and credits.plan_step = steps.plan_step
        where {{ is_credited_below_plan() }}

    ),

    of_unapplied as (

        select
            as_of_on,
            document_type || '|' || company_id || '|' || document_id as record_key,
            mismatch_class,
            company_id,
            document_type,
            document_id,
            document_number,
            currency_code,
            amount as value_at_stake,
            occurred_on
        from reconciliation.unapplied_as_of(days_asked)

    ),

    others as (

        select
            moments.as_of_on,
            findings.record_key,
            findings.mismatch_class,
            findings.company_id,
            findings.org_id,
            findings.deal_id,
            findings.plan_step,
            findings.document_type,
            findings.document_id,
            findings.document_number,
            findings.currency_code,
            findings.value_at_stake,
            findings.occurred_on
        from (
            select * from intermediate.int_reconciliation__document_findings
            union all by name
            select * from intermediate.int_reconciliation__step_findings
            union all by name
            select * from intermediate.int_reconciliation__line_findings
            union all by name
            select * from intermediate.int_reconciliation__change_findings
        ) as findings
        inner join moments on findings.occurred_on <= moments.as_of_on or moments.is_now
        where findings.mismatch_class not in {{ classes_by_day() }}

    ),

    -- What is said of a source is said of today.
    of_sources as (

        select
            moments.as_of_on,
            'source|' || verdicts.system || '|' || verdicts.source_id as record_key,
            'NOT_CONCLUDED' as mismatch_class,
            case when verdicts.system = 'quickbooks' then verdicts.source_id end as company_id,
            case when verdicts.system = 'salesforce' then verdicts.source_id end as org_id
        from reconciliation.data_verdict as verdicts
        inner join moments on moments.is_now
        where verdicts.verdict = 'not_concluded'

    ),

    findings as (

        select * from of_steps
        union all by name
        select * from of_billed_steps
        union all by name
        select * from of_duplicates
        union all by name
        select * from of_lost_deals
        union all by name
        select * from of_credits
        union all by name
        select * from of_unapplied
        union all by name
        select * from others
        union all by name
        select * from of_sources

    ),

    -- The first class of the taxonomy that fits a record bears the value.
    found as (

        select
            findings.*,
            classes.precedence,
            classes.severity as class_severity
        from findings
        inner join staging.mismatch_classes as classes
            on findings.mismatch_class = classes.mismatch_class
        qualify row_number() over (
            partition by findings.as_of_on, findings.record_key
            order by {{ by_precedence() }}
        ) = 1

    ),

    fell_due as (

        select
            as_of_on,
            company_id,
            currency_code,
            sum(amount) as amount
        from steps
        where due_on > as_of_on - 31 and due_on <= as_of_on
        group by as_of_on, company_id, currency_code

    ),

    valued as (

        select
            found.*,
            coalesce(found.company_id, 'not routed') as book,
            {{ stake_currency('found') }} as stake_currency_code,
            {{ is_exception('found.class_severity') }} as is_exception
        from found
        left join companies on found.company_id = companies.company_id

    ),

    floors as (

        select
            valued.*,
            {{ materiality_in_force('coalesce(fell_due.amount, 0)', 'books') }} as floor_amount,
            sum(valued.value_at_stake) over (
                partition by
                    valued.as_of_on, valued.is_exception, valued.book, valued.stake_currency_code,
                    valued.mismatch_class
            ) as class_amount
        from valued
        left join fell_due
            on
                valued.as_of_on = fell_due.as_of_on
                and valued.book = fell_due.company_id
                and valued.stake_currency_code = fell_due.currency_code
        cross join lateral (
            select
                valued.book as company_id,
                valued.stake_currency_code as currency_code
        ) as books

    )

    select
        as_of_on,
        {{ mismatch_id('floors') }} as mismatch_id,
        mismatch_class,
        cast(precedence as integer) as precedence,
        book as company_id,
        org_id,
        deal_id,
        cast(plan_step as integer) as plan_step,
        document_type,
        document_id,
        document_number,
        currency_code,
        stake_currency_code,
        cast(value_at_stake as decimal(18, 2)) as value_at_stake,
        occurred_on,
        cast(as_of_on - occurred_on as integer) as age_days,
        is_exception,
        is_exception and {{ is_material(dial('materiality_together')) }} as is_material
    from floors
{%- endmacro %}
