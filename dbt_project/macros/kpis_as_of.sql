{#- Coverage of each object by the last count that the vendor was asked for by the end of the day. -#}
{% macro coverage_on_day() -%}
    create or replace macro reconciliation.coverage_as_of(day_asked) as table
    with totals as (

        select
            'salesforce' as system,
            *
        from raw_salesforce.control_total
        union all by name
        select
            'quickbooks' as system,
            *
        from raw_quickbooks.control_total

    )

    select
        system,
        source_id,
        object,
        arg_max(held_value, asked_at)::bigint as rows_held,
        arg_max(vendor_value, asked_at)::bigint as rows_vendor,
        cast(
            arg_max(held_value, asked_at) / nullif(arg_max(vendor_value, asked_at), 0)
            as decimal(9, 6)
        ) as coverage,
        max(asked_at) as asked_at
    from totals
    where
        measure = 'rows'
        and cast(timezone('UTC', asked_at) as date) <= cast(day_asked as date)
    group by system, source_id, object
{%- endmacro %}

{#- The key figures of any day, one row per company and currency: the columns of `report_kpis`, and
    those that only analysts ask for. -#}
{% macro kpis_on_day() -%}
    create or replace macro reconciliation.kpis_as_of(day_asked) as table
    with clock as (

        select
            cast(day_asked as date) as as_of_on,
            cast({{ dial('dso_days') }} as integer) as days
        from intermediate.int_clock

    ),

    steps as materialized (

        select * from reconciliation.steps_as_of([cast(day_asked as date)])

    ),

    mismatches as materialized (

        select * from reconciliation.mismatches_as_of([cast(day_asked as date)])

    ),

    receivables as materialized (

        select * from reconciliation.receivables_as_of([cast(day_asked as date)])

    ),

    -- The same before the days that sales are taken of.
    receivables_before as (

        select
            company_id,
            currency_code,
            sum(balance) as amount
        from reconciliation.receivables_as_of(
            [cast(day_asked as date) - (select days from clock)]
        )
        group by company_id, currency_code

    ),

    books as (

        select
            company_id,
            currency_code
        from steps
        union distinct
        select
            company_id,
            currency_code
        from intermediate.int_invoices__net
        union distinct
        select
            company_id,
            currency_code
        from mismatches
        where currency_code is not null

    ),

    classes as (

        select
            company_id,
            currency_code,
            count(*) as mismatches,
            count(*) filter (where is_exception) as open_exceptions,
            count(*) filter (where is_material) as material_exceptions,
            max(age_days) filter (where precedence > 1 and is_exception) as oldest_days,
            count(distinct deal_id) filter (
                where
                mismatch_class in ('UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING', 'UNDER_BILLED')
            ) as leakage_deals,
            sum(value_at_stake) filter (
                where
                mismatch_class in ('UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING', 'UNDER_BILLED')
            ) as leakage_amount
            {%- for name, class, counted in [
                ('unbilled', 'UNBILLED_CLOSED_WON', 'unbilled_steps'),
                ('voided', 'VOIDED_AFTER_BILLING', 'voided_steps'),
                ('under_billed', 'UNDER_BILLED', 'under_billed_steps'),
                ('over_billed', 'OVER_BILLED', 'over_billed_steps'),
                ('duplicate', 'DUPLICATE_INVOICE', 'duplicate_invoices'),
                ('unapplied_payment', 'UNAPPLIED_PAYMENT', 'unapplied_payments'),
                ('unapplied_credit', 'UNAPPLIED_CREDIT', 'unapplied_credits'),
            ] %},
            sum(value_at_stake) filter (where mismatch_class = '{{ class }}')
                as {{ name }}_amount,
            count(*) filter (where mismatch_class = '{{ class }}') as {{ counted }},
            max(age_days) filter (where mismatch_class = '{{ class }}') as {{ name }}_oldest_days
            {%- endfor %}
        from mismatches
        group by company_id, currency_code

    ),

    links as (

        select
            links.org_id,
            links.deal_id,
            links.plan_step,
            bool_or(links.method = 'manual') as is_by_person
        from intermediate.int_invoices__linked_to_deals as links
        cross join clock
        cross join intermediate.int_clock as data
        where
            links.is_allocating
            and (links.invoice_on <= clock.as_of_on or clock.as_of_on >= data.as_of_on)
        group by links.org_id, links.deal_id, links.plan_step

    ),

    deals as (

        select
            steps.company_id,
            steps.currency_code,
            steps.org_id,
            steps.deal_id,
            sum(steps.amount) as due_amount,
            sum(steps.amount) filter (where links.deal_id is not null) as matched_amount,
            bool_and(links.deal_id is not null) as is_matched,
            bool_and(links.deal_id is not null and not links.is_by_person)
                as is_matched_automatically
        from steps
        left join links
            on
                steps.org_id = links.org_id
                and steps.deal_id = links.deal_id
                and steps.plan_step = links.plan_step
        where steps.is_due
        group by steps.company_id, steps.currency_code, steps.org_id, steps.deal_id

    ),

    deals_summed as (

        select
            company_id,
            currency_code,
            count(*) as due_deals,
            count(*) filter (where is_matched) as matched_deals,
            count(*) filter (where is_matched_automatically) as automatically_matched_deals,
            sum(due_amount) as due_amount,
            sum(matched_amount) as matched_amount
        from deals
        group by company_id, currency_code

    ),

    -- Links that a rule had made and a person has taken away again.
    links_undone as (

        select
            links.company_id,
            links.currency_code,
            count(*) filter (where links.match_state = 'confirmed') as automatic_links,
            count(*) filter (
                where
                links.match_state = 'rejected'
                and links.method in (
                    'mark', 'custom_field', 'po_number', 'estimate', 'deal_field',
                    'document_number'
                )
            ) as reversed_links
        from intermediate.int_invoices__linked_to_deals as links
        cross join clock
        cross join intermediate.int_clock as data
        where links.invoice_on <= clock.as_of_on or clock.as_of_on >= data.as_of_on
        group by links.company_id, links.currency_code

    ),

    times as (

        select
            company_id,
            currency_code,
            count(*) as steps_timed,
            quantile_cont(greatest(first_invoice_on - due_on, 0), 0.5) as median_days,
            quantile_cont(greatest(first_invoice_on - due_on, 0), 0.9) as p90_days
        from steps
        where first_invoice_on is not null
        group by company_id, currency_code

    ),

    -- Where QuickBooks knows when an invoice went to the customer.
    sendings as (

        select
            steps.company_id,
            steps.currency_code,
            steps.org_id,
            steps.deal_id,
            steps.plan_step,
            any_value(steps.due_on) as due_on,
            min(cast(timezone('UTC', invoices.sent_at) as date)) as first_sent_on
        from steps
        cross join clock
        inner join intermediate.int_reconciliation__documents as documents
            on
                steps.org_id = documents.org_id
                and steps.deal_id = documents.deal_id
                and steps.plan_step = documents.plan_step
                and documents.placement in ('billed', 'early')
        inner join staging.stg_quickbooks__invoices as invoices
            on
                documents.company_id = invoices.company_id
                and documents.invoice_id = invoices.invoice_id
        where cast(timezone('UTC', invoices.sent_at) as date) <= clock.as_of_on
        group by
            steps.company_id, steps.currency_code, steps.org_id, steps.deal_id, steps.plan_step

    ),

    sending_times as (

        select
            company_id,
            currency_code,
            count(*) as steps_sent,
            quantile_cont(greatest(first_sent_on - due_on, 0), 0.5) as median_days,
            quantile_cont(greatest(first_sent_on - due_on, 0), 0.9) as p90_days
        from sendings
        group by company_id, currency_code

    ),

    receivables_summed as (

        select
            receivables.company_id,
            receivables.currency_code,
            sum(receivables.balance) as receivable_amount,
            sum(receivables.balance) filter (where receivables.days_overdue > 0)
                as overdue_amount,
            sum(receivables.balance) filter (where coalesce(receivables.days_overdue, 0) = 0)
                as current_amount,
            sum(receivables.balance) filter (where receivables.days_overdue between 1 and 30)
                as days_1_to_30_amount,
            sum(receivables.balance) filter (where receivables.days_overdue between 31 and 60)
                as days_31_to_60_amount,
            sum(receivables.balance) filter (where receivables.days_overdue between 61 and 90)
                as days_61_to_90_amount,
            sum(receivables.balance) filter (where receivables.days_overdue > 90)
                as days_91_and_over_amount,
            sum(receivables.gross_amount) filter (
                where
                receivables.invoice_on > clock.as_of_on - clock.days
                and receivables.invoice_on <= clock.as_of_on
            ) as sales_amount
        from receivables
        cross join clock
        group by receivables.company_id, receivables.currency_code

    ),

    -- Count-back: the receivables are used up by the sales of this month, the month before, and so
    -- on; each counts its days, the last one in part.
    months as (

        select
            company_id,
            currency_code,
            unnest(generate_series(
                date_trunc('month', min(receivables.invoice_on)),
                date_trunc('month', any_value(clock.as_of_on)),
                to_months(1)
            ))::date as month_on
        from receivables
        cross join clock
        where receivables.invoice_on <= clock.as_of_on
        group by company_id, currency_code

    ),

    sales_by_month as (

        select
            months.company_id,
            months.currency_code,
            months.month_on,
            least(
                cast(months.month_on + to_months(1) as date) - months.month_on,
                any_value(clock.as_of_on) - months.month_on + 1
            ) as days,
            coalesce(sum(receivables.gross_amount), 0) as amount
        from months
        cross join clock
        left join receivables
            on
                months.company_id = receivables.company_id
                and months.currency_code = receivables.currency_code
                and months.month_on = date_trunc('month', receivables.invoice_on)
                and receivables.invoice_on <= clock.as_of_on
        group by months.company_id, months.currency_code, months.month_on

    ),

    months_left as (

        select
            sales_by_month.*,
            receivables_summed.receivable_amount - coalesce(
                sum(sales_by_month.amount) over (
                    partition by sales_by_month.company_id, sales_by_month.currency_code
                    order by sales_by_month.month_on desc
                    rows between unbounded preceding and 1 preceding
                ), 0
            ) as left_amount
        from sales_by_month
        inner join receivables_summed
            on
                sales_by_month.company_id = receivables_summed.company_id
                and sales_by_month.currency_code = receivables_summed.currency_code

    ),

    counted_back as (

        select
            company_id,
            currency_code,
            sum(days * case
                when left_amount <= 0 then 0
                when amount = 0 or left_amount >= amount then 1
                else left_amount / amount
            end) as count_back_days
        from months_left
        group by company_id, currency_code

    ),

    -- What was recorded by the day: the last run, and the last run of a week before its.
    runs as (

        select
            arg_max(run_number, run_number) as run_number,
            arg_max(week, run_number) as week
        from raw_state.recorded_run
        cross join clock
        where cast(timezone('UTC', as_of_at) as date) <= clock.as_of_on

    ),

    opening_runs as (

        select max(recorded.run_number) as run_number
        from raw_state.recorded_run as recorded
        inner join runs on recorded.week < runs.week and recorded.run_number < runs.run_number

    ),

    recorded as (

        select
            coalesce(closing.company_id, opening.company_id, 'not routed') as company_id,
            coalesce(closing.currency_code, opening.currency_code) as currency_code,
            count(*) filter (where opening.exception_id is null) as exceptions_opened,
            count(*) filter (where closing.exception_id is null) as exceptions_closed,
            count(*) filter (
                where opening.exception_id is not null and closing.exception_id is not null
            ) as exceptions_carried
        from (
            select recorded_exception.*
            from raw_state.recorded_exception
            inner join runs on recorded_exception.run_number = runs.run_number
        ) as closing
        full outer join (
            select recorded_exception.*
            from raw_state.recorded_exception
            inner join opening_runs on recorded_exception.run_number = opening_runs.run_number
        ) as opening on closing.exception_id = opening.exception_id
        where (select count(run_number) from opening_runs) > 0
        group by 1, 2

    ),

    -- From the run that first found an exception to the first one after it that did not.
    lives as (

        select
            seen.exception_id,
            any_value(seen.company_id) as company_id,
            any_value(seen.currency_code) as currency_code,
            min(first_runs.as_of_at) as found_at,
            max(seen.run_number) as last_run_number
        from raw_state.recorded_exception as seen
        inner join raw_state.recorded_run as first_runs on seen.run_number = first_runs.run_number
        inner join runs on seen.run_number <= runs.run_number
        group by seen.exception_id

    ),

    resolved as (

        select
            coalesce(lives.company_id, 'not routed') as company_id,
            lives.currency_code,
            avg(date_diff('day', lives.found_at, next_runs.as_of_at)) as mean_days
        from lives
        inner join (
            select
                lives.exception_id,
                min(later.run_number) as run_number
            from lives
            inner join raw_state.recorded_run as later
                on lives.last_run_number < later.run_number
            inner join runs on later.run_number <= runs.run_number
            group by lives.exception_id
        ) as ended on lives.exception_id = ended.exception_id
        inner join raw_state.recorded_run as next_runs on ended.run_number = next_runs.run_number
        group by 1, 2

    ),

    coverage as (

        select
            source_id,
            cast(sum(rows_held) / nullif(sum(rows_vendor), 0) as decimal(9, 6)) as coverage
        from reconciliation.coverage_as_of(day_asked)
        where system = 'quickbooks'
        group by source_id

    ),

    dso as (

        select
            receivables_summed.*,
            receivable_amount * clock.days / nullif(sales_amount, 0) as dso,
            current_amount * clock.days / nullif(sales_amount, 0) as best_possible_dso
        from receivables_summed
        cross join clock

    )

    select
        books.company_id,
        books.currency_code,
        clock.as_of_on,
        {%- for name in [
            'mismatches', 'open_exceptions', 'material_exceptions', 'oldest_days',
            'leakage_deals', 'unbilled_steps', 'voided_steps', 'under_billed_steps',
            'over_billed_steps', 'duplicate_invoices', 'unapplied_payments', 'unapplied_credits',
        ] %}
        cast(coalesce(classes.{{ name }}, 0) as integer) as {{ name }},
        {%- endfor %}
        {%- for name in [
            'leakage', 'unbilled', 'voided', 'under_billed', 'over_billed', 'duplicate',
            'unapplied_payment', 'unapplied_credit',
        ] %}
        cast(coalesce(classes.{{ name }}_amount, 0) as decimal(18, 2)) as {{ name }}_amount,
        {%- endfor %}
        cast(classes.unapplied_payment_oldest_days as integer) as unapplied_payment_oldest_days,
        cast(classes.unapplied_credit_oldest_days as integer) as unapplied_credit_oldest_days,
        {%- for name in ['due_deals', 'matched_deals', 'automatically_matched_deals'] %}
        cast(coalesce(deals_summed.{{ name }}, 0) as integer) as {{ name }},
        {%- endfor %}
        cast(coalesce(deals_summed.due_amount, 0) as decimal(18, 2)) as due_amount,
        cast(coalesce(deals_summed.matched_amount, 0) as decimal(18, 2)) as matched_amount,
        cast(classes.leakage_amount / nullif(deals_summed.due_amount, 0) as decimal(9, 6))
            as leakage_rate,
        cast(deals_summed.matched_deals / nullif(deals_summed.due_deals, 0) as decimal(9, 6))
            as match_rate_by_count,
        cast(deals_summed.matched_amount / nullif(deals_summed.due_amount, 0) as decimal(9, 6))
            as match_rate_by_value,
        cast(
            deals_summed.automatically_matched_deals / nullif(deals_summed.due_deals, 0)
            as decimal(9, 6)
        ) as auto_match_rate,
        cast(
            links_undone.reversed_links
            / nullif(links_undone.automatic_links + links_undone.reversed_links, 0)
            as decimal(9, 6)
        ) as reversal_rate,
        cast(coalesce(times.steps_timed, 0) as integer) as steps_timed,
        cast(times.median_days as decimal(9, 1)) as time_to_invoice_median_days,
        cast(times.p90_days as decimal(9, 1)) as time_to_invoice_p90_days,
        cast(coalesce(sending_times.steps_sent, 0) as integer) as steps_sent,
        cast(sending_times.median_days as decimal(9, 1)) as time_to_send_median_days,
        cast(sending_times.p90_days as decimal(9, 1)) as time_to_send_p90_days,
        {%- for name in [
            'receivable', 'overdue', 'sales', 'current', 'days_1_to_30', 'days_31_to_60',
            'days_61_to_90', 'days_91_and_over',
        ] %}
        cast(coalesce(dso.{{ name }}_amount, 0) as decimal(18, 2)) as {{ name }}_amount,
        {%- endfor %}
        cast(dso.dso as decimal(9, 1)) as dso_days,
        cast(counted_back.count_back_days as decimal(9, 1)) as dso_count_back_days,
        cast(coalesce(dso.best_possible_dso, 0 * dso.dso) as decimal(9, 1))
            as best_possible_dso_days,
        cast(dso.dso - coalesce(dso.best_possible_dso, 0) as decimal(9, 1))
            as average_days_delinquent,
        cast(
            (
                coalesce(receivables_before.amount, 0) + coalesce(dso.sales_amount, 0)
                - coalesce(dso.receivable_amount, 0)
            ) / nullif(
                coalesce(receivables_before.amount, 0) + coalesce(dso.sales_amount, 0)
                - coalesce(dso.current_amount, 0), 0
            ) as decimal(9, 6)
        ) as collection_effectiveness,
        cast(recorded.exceptions_opened as integer) as exceptions_opened,
        cast(recorded.exceptions_closed as integer) as exceptions_closed,
        cast(recorded.exceptions_carried as integer) as exceptions_carried,
        cast(resolved.mean_days as decimal(9, 1)) as mean_days_to_resolve,
        coverage.coverage
    from books
    cross join clock
    left join classes
        on books.company_id = classes.company_id and books.currency_code = classes.currency_code
    {%- for name in [
        'deals_summed', 'links_undone', 'times', 'sending_times', 'dso', 'counted_back',
        'receivables_before', 'recorded', 'resolved',
    ] %}
    left join {{ name }}
        on
            books.company_id = {{ name }}.company_id
            and books.currency_code = {{ name }}.currency_code
    {%- endfor %}
    left join coverage on books.company_id = coverage.source_id
{%- endmacro %}
