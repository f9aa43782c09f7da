{#-
    The figures of the report's first screen, one row per company and currency, as a chain of named
    steps that ends in `key_figures`: for today in `report_kpis`, for any day in `kpis_as_of`. The
    query that holds it says what they are reckoned from:

    - `clock`: the day (as_of_on), and of how many days' sales DSO is taken (dso_days);
    - `steps`: billable plan steps with their books, is_due and first_invoice_on;
    - `mismatches`: with is_exception;
    - `links`: invoices that allocate to a step;
    - `documents_sent`: when each invoice of a step went to the customer (sent_on);
    - `invoices`: every invoice, of which only the books are taken;
    - `receivables`: invoices that stand, with balance and days_overdue.
-#}
{% macro key_figures() -%}
books as (

    select
        company_id,
        currency_code
    from steps
    union distinct
    select
        company_id,
        currency_code
    from invoices
    union distinct
    select
        company_id,
        currency_code
    from mismatches
    where currency_code is not null

),

classes_summed as (

    select
        company_id,
        currency_code,
        count(*) as mismatches,
        max(age_days) filter (where precedence > 1 and is_exception) as oldest_days,
        count(distinct deal_id) filter (where mismatch_class in {{ leaking_classes() }})
            as leakage_deals,
        sum(value_at_stake) filter (where mismatch_class in {{ leaking_classes() }})
            as leakage_amount
        {%- for name, counted, class in classes_shown() %},
        sum(value_at_stake) filter (where mismatch_class = '{{ class }}') as {{ name }}_amount,
        count(*) filter (where mismatch_class = '{{ class }}') as {{ counted }}
        {%- endfor %}
    from mismatches
    group by company_id, currency_code

),

steps_linked as (

    select
        org_id,
        deal_id,
        plan_step,
        bool_or(method = 'manual') as is_by_person
    from links
    group by org_id, deal_id, plan_step

),

deals_matched as (

    select
        steps.company_id,
        steps.currency_code,
        steps.org_id,
        steps.deal_id,
        sum(steps.amount) as due_amount,
        sum(steps.amount) filter (where steps_linked.deal_id is not null) as matched_amount,
        bool_and(steps_linked.deal_id is not null) as is_matched,
        bool_and(steps_linked.deal_id is not null and not steps_linked.is_by_person)
            as is_matched_automatically
    from steps
    left join steps_linked
        on
            steps.org_id = steps_linked.org_id
            and steps.deal_id = steps_linked.deal_id
            and steps.plan_step = steps_linked.plan_step
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
    from deals_matched
    group by company_id, currency_code

),

invoicing_times as (

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

-- When the first invoice of a step went to the customer, where QuickBooks knows of it: what was
-- printed or handed over leaves no moment behind.
steps_sent as (

    select
        org_id,
        deal_id,
        plan_step,
        min(sent_on) as first_sent_on
    from documents_sent
    group by org_id, deal_id, plan_step

),

sending_times as (

    select
        steps.company_id,
        steps.currency_code,
        count(*) as steps_sent,
        quantile_cont(greatest(steps_sent.first_sent_on - steps.due_on, 0), 0.5) as median_days,
        quantile_cont(greatest(steps_sent.first_sent_on - steps.due_on, 0), 0.9) as p90_days
    from steps
    inner join steps_sent
        on
            steps.org_id = steps_sent.org_id
            and steps.deal_id = steps_sent.deal_id
            and steps.plan_step = steps_sent.plan_step
    group by steps.company_id, steps.currency_code

),

receivables_summed as (

    select
        receivables.company_id,
        receivables.currency_code,
        sum(receivables.balance) as receivable_amount,
        sum(receivables.balance) filter (where receivables.days_overdue > 0) as overdue_amount,
        sum(receivables.gross_amount) filter (
            where
            receivables.invoice_on > clock.as_of_on - clock.dso_days
            and receivables.invoice_on <= clock.as_of_on
        ) as sales_amount
    from receivables
    cross join clock
    group by receivables.company_id, receivables.currency_code

),

key_figures as (

    select
        books.company_id,
        books.currency_code,
        clock.as_of_on,
        cast(coalesce(classes_summed.mismatches, 0) as integer) as mismatches,
        cast(coalesce(classes_summed.oldest_days, 0) as integer) as oldest_days,
        cast(coalesce(classes_summed.leakage_amount, 0) as decimal(18, 2)) as leakage_amount,
        cast(coalesce(classes_summed.leakage_deals, 0) as integer) as leakage_deals,
        {%- for name, counted, class in classes_shown() %}
        cast(coalesce(classes_summed.{{ name }}_amount, 0) as decimal(18, 2)) as {{ name }}_amount,
        cast(coalesce(classes_summed.{{ counted }}, 0) as integer) as {{ counted }},
        {%- endfor %}
        cast(coalesce(deals_summed.due_deals, 0) as integer) as due_deals,
        cast(coalesce(deals_summed.matched_deals, 0) as integer) as matched_deals,
        cast(coalesce(deals_summed.automatically_matched_deals, 0) as integer)
            as automatically_matched_deals,
        cast(coalesce(deals_summed.due_amount, 0) as decimal(18, 2)) as due_amount,
        cast(coalesce(deals_summed.matched_amount, 0) as decimal(18, 2)) as matched_amount,
        cast(deals_summed.matched_deals / nullif(deals_summed.due_deals, 0) as decimal(9, 6))
            as match_rate_by_count,
        cast(deals_summed.matched_amount / nullif(deals_summed.due_amount, 0) as decimal(9, 6))
            as match_rate_by_value,
        cast(classes_summed.leakage_amount / nullif(deals_summed.due_amount, 0) as decimal(9, 6))
            as leakage_rate,
        cast(coalesce(invoicing_times.steps_timed, 0) as integer) as steps_timed,
        cast(invoicing_times.median_days as decimal(9, 1)) as time_to_invoice_median_days,
        cast(invoicing_times.p90_days as decimal(9, 1)) as time_to_invoice_p90_days,
        cast(coalesce(sending_times.steps_sent, 0) as integer) as steps_sent,
        cast(sending_times.median_days as decimal(9, 1)) as time_to_send_median_days,
        cast(sending_times.p90_days as decimal(9, 1)) as time_to_send_p90_days,
        cast(coalesce(receivables_summed.receivable_amount, 0) as decimal(18, 2))
            as receivable_amount,
        cast(coalesce(receivables_summed.overdue_amount, 0) as decimal(18, 2)) as overdue_amount,
        cast(coalesce(receivables_summed.sales_amount, 0) as decimal(18, 2)) as sales_amount,
        cast(
            receivables_summed.receivable_amount * clock.dso_days
            / nullif(receivables_summed.sales_amount, 0) as decimal(9, 1)
        ) as dso_days
    from books
    cross join clock
    {%- for summed in [
        'classes_summed', 'deals_summed', 'invoicing_times', 'sending_times', 'receivables_summed',
    ] %}
    left join {{ summed }}
        on
            books.company_id = {{ summed }}.company_id
            and books.currency_code = {{ summed }}.currency_code
    {%- endfor %}

)
{%- endmacro %}

{#- The classes that have figures of their own: what their amount and their number are called. -#}
{% macro classes_shown() -%}
    {{ return([
        ('unbilled', 'unbilled_steps', 'UNBILLED_CLOSED_WON'),
        ('voided', 'voided_steps', 'VOIDED_AFTER_BILLING'),
        ('under_billed', 'under_billed_steps', 'UNDER_BILLED'),
        ('over_billed', 'over_billed_steps', 'OVER_BILLED'),
        ('duplicate', 'duplicate_invoices', 'DUPLICATE_INVOICE'),
        ('unapplied_payment', 'unapplied_payments', 'UNAPPLIED_PAYMENT'),
        ('unapplied_credit', 'unapplied_credits', 'UNAPPLIED_CREDIT'),
    ]) }}
{%- endmacro %}

{#- The invoices that bill a step and went to the customer by e-mail, with the day. -#}
{% macro documents_sent(documents, invoices) -%}
    select
        documents.org_id,
        documents.deal_id,
        documents.plan_step,
        cast(timezone('UTC', invoices.sent_at) as date) as sent_on
    from {{ documents }} as documents
    inner join {{ invoices }} as invoices
        on
            documents.company_id = invoices.company_id
            and documents.invoice_id = invoices.invoice_id
    where
        documents.deal_id is not null
        and {{ is_billing('documents.placement') }}
        and invoices.sent_at is not null
{%- endmacro %}
