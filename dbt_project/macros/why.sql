{#-
    A chain: from the parts of a figure (rows of `figure_parts`, in the statement `parts`) down to
    the facts behind each, one row per fact. `counts` is what a fact adds to the figure: over a
    chain it sums to the figure to the cent.
-#}
{% macro chain_of(parts) -%}
    with numbered as materialized (

        select
            *,
            row_number() over (
                partition by figure, company_id, currency_code
                order by
                    abs(amount) desc, deal_id, plan_step, document_type, document_id, mismatch_id,
                    said
            ) as part_number
        from ({{ parts }}) as given

    ),

    parts as (

        select * from numbered
        where part_number <= coalesce(nullif(parts_at_most, 0), part_number)

    ),

    figures_summed as (

        select
            figure,
            company_id,
            currency_code,
            0 as part_number,
            0 as place,
            'figure' as layer,
            sum(amount) as amount,
            currency_code as amount_currency_code,
            figure || ': the sum of ' || count(*) || ' part(s)' as said,
            'crossfoot' as system,
            'figures' as object,
            figure as record_id
        from numbered
        group by figure, company_id, currency_code

    ),

    parts_listed as (

        select
            figure,
            company_id,
            currency_code,
            part_number,
            1 as place,
            part as layer,
            amount,
            currency_code as amount_currency_code,
            case when made_of = 'whole' then amount else 0 end as counts,
            said,
            'crossfoot' as system,
            case when mismatch_id is not null then 'mismatches' else 'figure_parts' end as object,
            coalesce(
                mismatch_id,
                deal_id || coalesce('/' || plan_step, ''),
                document_type || ' ' || document_id
            ) as record_id
        from parts

    ),

    parts_classed as (

        select
            parts.figure,
            parts.company_id,
            parts.currency_code,
            parts.part_number,
            mismatches.mismatch_id,
            mismatches.mismatch_class,
            mismatches.severity,
            mismatches.flags,
            classes.precedence
        from parts
        inner join reconciliation.mismatches as mismatches
            on parts.mismatch_id = mismatches.mismatch_id
        inner join staging.mismatch_classes as classes
            on mismatches.mismatch_class = classes.mismatch_class

    ),

    rules as (

        select
            figure,
            company_id,
            currency_code,
            part_number,
            2 as place,
            'rule' as layer,
            'Class ' || mismatch_class || ' is number ' || precedence
            || ' of the taxonomy and bears the value; severity ' || severity
            || case
                when len(flags) > 0 then '; also ' || array_to_string(flags, ', ') else ''
            end as said,
            'crossfoot' as system,
            'mismatch_classes' as object,
            mismatch_class as record_id
        from parts_classed

    ),

    settings as (

        select
            parts_classed.figure,
            parts_classed.company_id,
            parts_classed.currency_code,
            parts_classed.part_number,
            3 as place,
            'dial' as layer,
            dials.dial || ' = ' || dials.setting || ': ' || dials.meaning as said,
            'crossfoot' as system,
            'dials' as object,
            dials.dial as record_id
        from parts_classed
        inner join reconciliation.dials as dials
            on
                list_contains(dials.mismatch_classes, parts_classed.mismatch_class)
                and coalesce(dials.company_id = parts_classed.company_id, dials.company_id is null)
                and coalesce(
                    dials.currency_code = parts_classed.currency_code, dials.currency_code is null
                )
        -- Of the rows that fit these books the nearest is the one that was used.
        qualify row_number() over (
            partition by
                parts_classed.figure, parts_classed.company_id, parts_classed.currency_code,
                parts_classed.part_number, dials.dial
            order by dials.currency_code is null, dials.company_id is null
        ) = 1

    ),

    words as (

        select
            parts.figure,
            parts.company_id,
            parts.currency_code,
            parts.part_number,
            4 as place,
            'decision' as layer,
            replace(events.event, '_', ' ') || ' by ' || events.decided_by || ' on '
            || strftime(events.decided_at, '%Y-%m-%d')
            || coalesce(': ' || nullif(events.reason, ''), '')
            || coalesce(' (root cause: ' || events.root_cause || ')', '') as said,
            'crossfoot' as system,
            'exception_event' as object,
            cast(events.event_number as varchar) as record_id
        from parts
        inner join raw_state.exception_event as events on parts.mismatch_id = events.exception_id

    ),

    of_steps as (

        select
            parts.figure,
            parts.company_id,
            parts.currency_code,
            parts.part_number,
            facts.place,
            facts.layer,
            facts.amount,
            facts.currency_code as amount_currency_code,
            case
                when parts.made_of = 'step' and facts.role = 'step'
                    then sign(parts.amount)::integer * facts.amount
                when parts.made_of = 'deal_lines' and facts.role = 'deal_line' then facts.amount
                when parts.made_of = 'step_less_billed' and facts.role = 'step' then facts.amount
                when parts.made_of = 'step_less_billed' and facts.role = 'billed'
                    then -facts.amount
                when
                    parts.made_of in ('billed_less_step', 'net_billed_less_step')
                    and facts.role = 'step'
                    then -facts.amount
                when
                    parts.made_of in ('billed_less_step', 'net_billed_less_step')
                    and facts.role = 'billed'
                    then facts.amount
                when
                    parts.made_of = 'net_billed_less_step' and facts.role = 'settled_duplicate'
                    then facts.amount
                when parts.made_of = 'net_billed_less_step' and facts.role = 'credit'
                    then -facts.amount
                else 0
            end as counts,
            facts.said,
            facts.system,
            facts.source_id,
            facts.object,
            facts.record_id
        from parts
        inner join reconciliation.step_evidence as facts
            on
                parts.org_id = facts.org_id
                and parts.deal_id = facts.deal_id
                and (
                    parts.plan_step is null
                    or facts.plan_step is null
                    or parts.plan_step = facts.plan_step
                )

    ),

    -- A document that is linked to the part's step was told with the step.
    told as (

        select distinct
            company_id,
            invoice_id,
            org_id,
            deal_id,
            plan_step
        from matched.matched_invoices
        where {{ usable_link('match_state') }}

    ),

    of_documents as (

        select
            parts.figure,
            parts.company_id,
            parts.currency_code,
            parts.part_number,
            100 + facts.place as place,
            facts.layer,
            facts.amount,
            facts.currency_code as amount_currency_code,
            case
                when parts.made_of = 'invoice_lines' and facts.role = 'invoice_line'
                    then facts.amount
                else 0
            end as counts,
            facts.said,
            facts.system,
            facts.source_id,
            facts.object,
            facts.record_id
        from parts
        inner join reconciliation.document_evidence as facts
            on
                parts.company_id = facts.company_id
                and parts.document_type = facts.document_type
                and parts.document_id = facts.document_id
        left join told
            on
                parts.document_type = 'invoice'
                and parts.made_of != 'invoice_lines'
                and parts.company_id = told.company_id
                and parts.document_id = told.invoice_id
                and parts.org_id = told.org_id
                and parts.deal_id = told.deal_id
                and parts.plan_step = told.plan_step
        where told.deal_id is null or facts.place not in (21, 22, 23)

    ),

    facts as (

        select * from figures_summed
        union all by name
        select * from parts_listed
        union all by name
        select * from rules
        union all by name
        select * from settings
        union all by name
        select * from words
        union all by name
        select * from of_steps
        union all by name
        select * from of_documents

    )

    select
        facts.figure,
        facts.company_id,
        facts.currency_code,
        cast(facts.part_number as integer) as part_number,
        cast(facts.place as integer) as place,
        facts.layer,
        cast(facts.amount as decimal(18, 2)) as amount,
        facts.amount_currency_code,
        cast(coalesce(facts.counts, 0) as decimal(18, 2)) as counts,
        facts.said,
        facts.system,
        facts.source_id,
        facts.object,
        facts.record_id,
        records.version,
        records.changed_at,
        records.read_at
    from facts
    left join reconciliation.vendor_records as records
        on
            facts.system = records.system
            and facts.source_id = records.source_id
            and facts.object = records.object
            and facts.record_id = records.record_id
    order by
        facts.figure, facts.company_id, facts.currency_code, facts.part_number, facts.place,
        facts.record_id, facts.said
{%- endmacro %}

{#- The chain of a named figure, of one company and currency or of all. -#}
{% macro why_a_figure() -%}
    create or replace macro reconciliation.why(
        figure_named, of_company := '', in_currency := '', parts_at_most := 0
    ) as table
    {{ chain_of("
        select * from reconciliation.figure_parts
        where
            figure = coalesce(figure_named, figure)
            and company_id = coalesce(nullif(of_company, ''), company_id)
            and currency_code = coalesce(nullif(in_currency, ''), currency_code)
    ") }}
{%- endmacro %}

{#- The same of one exception by its id or the beginning of it. -#}
{% macro why_an_exception() -%}
    create or replace macro reconciliation.why_exception(id_begins, parts_at_most := 0) as table
    {{ chain_of("
        select * replace ('exception ' || mismatch_id[1:8] as figure)
        from reconciliation.figure_parts
        where starts_with(mismatch_id, id_begins) and starts_with(figure, 'class ')
    ") }}
{%- endmacro %}

{#- Of a deal by its id of 15 or 18 characters: its plan steps. -#}
{% macro why_a_deal() -%}
    create or replace macro reconciliation.why_deal(id_of_deal, parts_at_most := 0) as table
    {{ chain_of("
        select
            'deal ' || deals.deal_name as figure,
            coalesce(deals.company_id, 'not routed') as company_id,
            deals.currency_code,
            'step' as part,
            'step' as made_of,
            steps.amount,
            cast(null as varchar) as mismatch_id,
            deals.org_id,
            deals.deal_id,
            steps.plan_step,
            cast(null as varchar) as document_type,
            cast(null as varchar) as document_id,
            'Step ' || steps.plan_step || ' of ' || steps.step_count as said
        from intermediate.int_deals__billable as deals
        inner join intermediate.int_billing_plan__steps as steps
            on deals.org_id = steps.org_id and deals.deal_id = steps.deal_id
        where deals.deal_id = id_of_deal or deals.deal_id[1:15] = id_of_deal
    ") }}
{%- endmacro %}

{#- Of a document by the number that people see or by its id, in one company or all. -#}
{% macro why_a_document() -%}
    create or replace macro reconciliation.why_document(
        number_or_id, of_company := '', parts_at_most := 0
    ) as table
    {{ chain_of("
        select
            replace(document_type, '_', ' ') || ' ' || coalesce(document_number, document_id)
                as figure,
            company_id,
            currency_code,
            'document' as part,
            case document_type when 'invoice' then 'invoice_lines' else 'whole' end as made_of,
            amount,
            cast(null as varchar) as mismatch_id,
            cast(null as varchar) as org_id,
            cast(null as varchar) as deal_id,
            cast(null as integer) as plan_step,
            document_type,
            document_id,
            'Net of tax and shipping' as said
        from (
            select
                'invoice' as document_type,
                invoice_id as document_id,
                document_number,
                company_id,
                currency_code,
                net_amount as amount
            from intermediate.int_invoices__net
            union all
            select
                document_type,
                document_id,
                document_number,
                company_id,
                currency_code,
                net_amount as amount
            from intermediate.int_credits__net
        ) as documents
        where
            (document_number = number_or_id or document_id = number_or_id)
            and company_id = coalesce(nullif(of_company, ''), company_id)
    ") }}
{%- endmacro %}

{#- Everything that has exactly this amount, of either sign: where a figure that somebody read out
    may come from. `subject` and `name` say what to ask `why` about. -#}
{% macro what_has_an_amount() -%}
    create or replace macro reconciliation.having_amount(amount_sought, in_currency := '') as table
    select distinct
        subject,
        name,
        company_id,
        currency_code,
        cast(amount as decimal(18, 2)) as amount,
        said
    from (
        select
            'figure' as subject,
            figure as name,
            company_id,
            currency_code,
            amount,
            label as said
        from reconciliation.figures
        union all
        select
            'exception' as subject,
            mismatch_id[1:8] as name,
            coalesce(company_id, 'not routed') as company_id,
            currency_code,
            unnest([value_at_stake, expected_amount, actual_amount]) as amount,
            mismatch_class || ': ' || reason as said
        from reconciliation.mismatches
        union all
        select
            'deal' as subject,
            deal_id as name,
            coalesce(company_id, 'not routed') as company_id,
            currency_code,
            unnest([basis_amount, header_amount]) as amount,
            deal_name as said
        from intermediate.int_deals__billable
        union all
        select
            'deal' as subject,
            deal_id as name,
            coalesce(company_id, 'not routed') as company_id,
            currency_code,
            amount,
            'Step ' || plan_step || ' of ' || step_count || ', due on ' || due_on as said
        from intermediate.int_billing_plan__steps
        union all
        select
            'deal' as subject,
            deals.deal_id as name,
            coalesce(deals.company_id, 'not routed') as company_id,
            deals.currency_code,
            lines.total_price as amount,
            'A line of ' || deals.deal_name as said
        from intermediate.int_deals__billable as deals
        inner join staging.stg_salesforce__opportunity_lines as lines
            on deals.org_id = lines.org_id and deals.deal_id = lines.deal_id
        where not lines.is_deleted
        union all
        select
            'document' as subject,
            document_id as name,
            company_id,
            currency_code,
            amount,
            said
        from reconciliation.document_evidence
        where system = 'quickbooks'
        union all
        select
            'document' as subject,
            invoice_id as name,
            company_id,
            currency_code,
            unnest([net_amount, tax_amount, balance]) as amount,
            'Net, tax or open amount of invoice ' || coalesce(document_number, invoice_id) as said
        from intermediate.int_invoices__net
        union all
        select
            'review' as subject,
            review_id as name,
            company_id,
            currency_code,
            amount_at_stake as amount,
            'Waits for a person: ' || coalesce(left_name, left_id) || ' and '
            || coalesce(right_name, right_id) as said
        from reconciliation.review_queue
        union all
        select
            'change after signature' as subject,
            record_id as name,
            company_id,
            currency_code,
            unnest([difference, amount_then, amount_now]) as amount,
            'Week ' || week || ': ' || record_type || ' ' || coalesce(record_number, record_id)
            || ' ' || change as said
        from reconciliation.changes_after_sign_off
        union all
        select
            'written by us' as subject,
            change_key as name,
            company_id,
            currency_code,
            amount,
            action || ' ' || entity || coalesce(' ' || remote_id, '') as said
        from raw_state.ledger
    ) as amounts
    where
        abs(amount) = abs(cast(amount_sought as decimal(18, 2)))
        and currency_code = coalesce(nullif(in_currency, ''), currency_code)
    order by subject, name, said
{%- endmacro %}
