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
            cast({{ dial('dso_days') }} as integer) as dso_days,
            cast(day_asked as date) >= data.as_of_on as is_now
        from intermediate.int_clock as data

    ),

    steps as materialized (

        select * from reconciliation.steps_as_of([cast(day_asked as date)])

    ),

    mismatches as materialized (

        select * from reconciliation.mismatches_as_of([cast(day_asked as date)])

    ),

    links_known as (

        select links.*
        from intermediate.int_invoices__linked_to_deals as links
        cross join clock
        where links.invoice_on <= clock.as_of_on or clock.is_now

    ),

    links as (

        select * from links_known
        where is_allocating

    ),

    documents_sent as (

        select sent.*
        from (

            {{ documents_sent(
                'intermediate.int_reconciliation__documents', 'staging.stg_quickbooks__invoices'
            ) }}

        ) as sent
        cross join clock
        where sent.sent_on <= clock.as_of_on

    ),

    invoices as (

        select * from intermediate.int_invoices__net

    ),

    receivables as materialized (

        select * from reconciliation.receivables_as_of([cast(day_asked as date)])

    ),

    {{ key_figures() }},

    exceptions_summed as (

        select
            company_id,
            currency_code,
            count(*) filter (where is_exception) as open_exceptions,
            count(*) filter (where is_material) as material_exceptions,
            max(age_days) filter (where mismatch_class = 'UNAPPLIED_PAYMENT')
                as unapplied_payment_oldest_days,
            max(age_days) filter (where mismatch_class = 'UNAPPLIED_CREDIT')
                as unapplied_credit_oldest_days
        from mismatches
        group by company_id, currency_code

    ),

    ageing as (

        select
            company_id,
            currency_code,
            sum(balance) filter (where coalesce(days_overdue, 0) = 0) as current_amount,
            sum(balance) filter (where days_overdue between 1 and 30) as days_1_to_30_amount,
            sum(balance) filter (where days_overdue between 31 and 60) as days_31_to_60_amount,
            sum(balance) filter (where days_overdue between 61 and 90) as days_61_to_90_amount,
            sum(balance) filter (where days_overdue > 90) as days_91_and_over_amount
        from receivables
        group by company_id, currency_code

    ),

    -- The same before the days that sales are taken of.
    receivables_before as (

        select
            company_id,
            currency_code,
            sum(balance) as amount
        from reconciliation.receivables_as_of(
            [cast(day_asked as date) - (select dso_days from clock)]
        )
        group by company_id, currency_code

    ),

    -- Links that a rule had made and a person has taken away again.
    links_undone as (

        select
            company_id,
            currency_code,
            count(*) filter (where match_state = 'confirmed') as automatic_links,
            count(*) filter (
                where
                match_state = 'rejected'
                and method in (
                    'mark', 'custom_field', 'po_number', 'estimate', 'deal_field',
                    'document_number'
                )
            ) as reversed_links
        from links_known
        group by company_id, currency_code

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

    )

    select
        figures.*,
        cast(coalesce(exceptions_summed.open_exceptions, 0) as integer) as open_exceptions,
        cast(coalesce(exceptions_summed.material_exceptions, 0) as integer) as material_exceptions,
        cast(exceptions_summed.unapplied_payment_oldest_days as integer)
            as unapplied_payment_oldest_days,
        cast(exceptions_summed.unapplied_credit_oldest_days as integer)
            as unapplied_credit_oldest_days,
        cast(figures.automatically_matched_deals / nullif(figures.due_deals, 0) as decimal(9, 6))
            as auto_match_rate,
        cast(
            links_undone.reversed_links
            / nullif(links_undone.automatic_links + links_undone.reversed_links, 0)
            as decimal(9, 6)
        ) as reversal_rate,
        {%- for bucket in [
            'current', 'days_1_to_30', 'days_31_to_60', 'days_61_to_90', 'days_91_and_over',
        ] %}
        cast(coalesce(ageing.{{ bucket }}_amount, 0) as decimal(18, 2)) as {{ bucket }}_amount,
        {%- endfor %}
        cast(counted_back.count_back_days as decimal(9, 1)) as dso_count_back_days,
        cast(
            coalesce(ageing.current_amount, 0) * clock.dso_days / nullif(figures.sales_amount, 0)
            as decimal(9, 1)
        ) as best_possible_dso_days,
        cast(
            (figures.receivable_amount - coalesce(ageing.current_amount, 0)) * clock.dso_days
            / nullif(figures.sales_amount, 0) as decimal(9, 1)
        ) as average_days_delinquent,
        cast(
            (
                coalesce(receivables_before.amount, 0) + figures.sales_amount
                - figures.receivable_amount
            ) / nullif(
                coalesce(receivables_before.amount, 0) + figures.sales_amount
                - coalesce(ageing.current_amount, 0), 0
            ) as decimal(9, 6)
        ) as collection_effectiveness,
        cast(recorded.exceptions_opened as integer) as exceptions_opened,
        cast(recorded.exceptions_closed as integer) as exceptions_closed,
        cast(recorded.exceptions_carried as integer) as exceptions_carried,
        cast(resolved.mean_days as decimal(9, 1)) as mean_days_to_resolve,
        coverage.coverage
    from key_figures as figures
    cross join clock
    {%- for name in [
        'exceptions_summed', 'links_undone', 'ageing', 'counted_back', 'receivables_before',
        'recorded', 'resolved',
    ] %}
    left join {{ name }}
        on
            figures.company_id = {{ name }}.company_id
            and figures.currency_code = {{ name }}.currency_code
    {%- endfor %}
    left join coverage on figures.company_id = coverage.source_id
{%- endmacro %}
