{{ config(
    materialized='view',
    post_hook=[
        "{{ why_a_figure() }}", "{{ why_an_exception() }}", "{{ why_a_deal() }}",
        "{{ why_a_document() }}", "{{ what_has_an_amount() }}"
    ]
) }}
-- The macros above stand on these as well:
-- depends_on: {{ ref('figure_parts') }}, {{ ref('step_evidence') }}, {{ ref('dials') }}
-- depends_on: {{ ref('document_evidence') }}, {{ ref('vendor_records') }}
-- depends_on: {{ ref('review_queue') }}, {{ ref('changes_after_sign_off') }}

-- Every amount of the report with its name, per company and currency, as the marts say it. What
-- each is the sum of is in figure_parts; that both agree is tested.
{%- set of_kpis = {
    'leakage': 'leakage_amount', 'unbilled': 'unbilled_amount', 'voided': 'voided_amount',
    'under_billed': 'under_billed_amount', 'over_billed': 'over_billed_amount',
    'duplicates': 'duplicate_amount', 'due': 'due_amount', 'matched': 'matched_amount',
    'receivable': 'receivable_amount', 'overdue': 'overdue_amount', 'sales': 'sales_amount',
    'unapplied_payments': 'unapplied_payment_amount',
    'unapplied_credits': 'unapplied_credit_amount',
} %}
{%- set labels = {
    'leakage': 'Leakage: unbilled, voided and under-billed', 'unbilled': 'Due and not billed',
    'voided': 'Voided or deleted and not replaced', 'under_billed': 'Billed too little',
    'over_billed': 'Billed too much', 'duplicates': 'Billed twice',
    'due': 'Due by the billing plans', 'matched': 'Due and linked to an invoice',
    'receivable': 'Open receivables', 'overdue': 'Receivables past due',
    'sales': 'Invoiced lately, which days sales outstanding is taken of',
    'unapplied_payments': 'Payments not applied', 'unapplied_credits': 'Credits not applied',
} %}
with

kpis as (

    select * from {{ ref('report_kpis') }}

),

of_kpis as (
    {% for name, column in of_kpis.items() %}
    select
        '{{ name }}' as figure,
        '{{ labels[name] }}' as label,
        company_id,
        currency_code,
        {{ column }} as amount
    from kpis
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

of_bridge as (

    select
        'bridge ' || line_code as figure,
        'Bridge: ' || line_label as label,
        company_id,
        currency_code,
        amount
    from {{ ref('reconciliation_bridge') }}
    where period_kind = 'to_date'

),

of_ageing as (

    select
        'ageing ' || bucket as figure,
        'Receivables ' || case bucket
            when 'current' then 'not yet due' else bucket || ' days past due'
        end as label,
        company_id,
        currency_code,
        amount
    from {{ ref('ar_ageing') }}

),

of_weeks as (

    select
        'leakage of the week of ' || week_on as figure,
        'Leakage of steps that fell due in the week of ' || week_on as label,
        company_id,
        currency_code,
        amount
    from {{ ref('leakage_by_week') }}

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

of_classes as (

    select
        'class ' || mismatches.mismatch_class as figure,
        'At stake in the class ' || mismatches.mismatch_class as label,
        coalesce(mismatches.company_id, 'not routed') as company_id,
        case
            when mismatches.mismatch_class = 'FX_ANOMALY' then companies.home_currency_code
            else mismatches.currency_code
        end as currency_code,
        sum(mismatches.value_at_stake) as amount
    from {{ ref('mismatches') }} as mismatches
    left join companies on mismatches.company_id = companies.company_id
    where mismatches.value_at_stake is not null and mismatches.currency_code is not null
    group by all

),

of_coverage as (

    select
        'steps ' || coverage_state as figure,
        'Plan steps: ' || replace(coverage_state, '_', ' ') as label,
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        sum(amount) as amount
    from {{ ref('deal_coverage') }}
    group by all

),

of_plans as (

    select
        case when blocked_reason is null then 'invoices ready' else 'invoices blocked' end
            as figure,
        case
            when blocked_reason is null then 'Invoices that can be written'
            else 'Invoices that something bars'
        end as label,
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        sum(amount) as amount
    from {{ ref('sync_invoices') }}
    where amount is not null and currency_code is not null
    group by all

),

of_exceptions as (
    {% for name in ['opening', 'new', 'closed', 'revalued', 'closing'] %}
    select
        'exceptions {{ name }}' as figure,
        'Exceptions: {{ name }}' as label,
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        {{ name }}_amount as amount
    from {{ ref('exceptions_carried_forward') }}
    where currency_code is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

of_receivables as (
    {% for name, label in [('reported', 'as QuickBooks reports them'), ('held', 'as held')] %}
    select
        'receivables {{ name }}' as figure,
        'Receivables {{ label }}, in the currency of the report' as label,
        company_id,
        currency_code,
        sum({{ name }}_amount) as amount
    from {{ ref('ar_reconciliation') }}
    group by all
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

combined as (

    select * from of_kpis
    union all
    select * from of_bridge
    union all
    select * from of_ageing
    union all
    select * from of_weeks
    union all
    select * from of_classes
    union all
    select * from of_coverage
    union all
    select * from of_plans
    union all
    select * from of_exceptions
    union all
    select * from of_receivables

),

final as (

    select
        figure,
        label,
        company_id,
        currency_code,
        cast(amount as decimal(18, 2)) as amount
    from combined

)

select * from final
