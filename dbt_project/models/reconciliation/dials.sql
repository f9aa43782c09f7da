{#- Every setting that a figure depends on, with the default it has where dbt_project.yml says
    nothing: the same as where it is used, which a test holds. -#}
{%- set dials = [
    ('tolerance_abs', '0.01', 'Two amounts that differ by so much are the same',
        ['DUPLICATE_INVOICE', 'REOPENED_OR_LOST', 'CREDITED_AFTER_BILLING', 'UNDER_BILLED',
         'OVER_BILLED', 'WRONG_PRODUCT', 'WRONG_PRICE_OR_DISCOUNT', 'HEADER_LINE_MISMATCH',
         'DEAL_CHANGED_AFTER_INVOICE', 'SHIPPING_OR_ROUNDING']),
    ('matching_tolerance_pct', '0', 'The same in per cent of the amount; the larger one counts',
        ['DUPLICATE_INVOICE', 'REOPENED_OR_LOST', 'CREDITED_AFTER_BILLING', 'UNDER_BILLED',
         'OVER_BILLED', 'WRONG_PRODUCT', 'WRONG_PRICE_OR_DISCOUNT', 'HEADER_LINE_MISMATCH',
         'DEAL_CHANGED_AFTER_INVOICE', 'SHIPPING_OR_ROUNDING']),
    ('grace_business_days', '5', 'Working days a step may be late before it is unbilled',
        ['UNBILLED_CLOSED_WON']),
    ('materiality_abs', '1000', 'What somebody must act on, at least', []),
    ('materiality_pct', '0.5', 'The same in per cent of what fell due in 31 days', []),
    ('materiality_together', '3', 'So many times that for all of one class together', []),
    ('default_billing_plan', 'On close', 'The plan of a deal that names none', []),
    ('go_live_on', '2026-10-01', 'Steps due before this day are never billed automatically', []),
    ('dso_days', '90', 'Days of sales that days sales outstanding is taken of', []),
    ('duplicate_window_days', '10', 'An unmarked copy is sought so many days around an invoice',
        ['DUPLICATE_INVOICE']),
    ('inference_days_before', '10', 'Days before the due date in which an invoice is sought', []),
    ('inference_days_after', '45', 'Days after it', []),
    ('link_confidence_floor', '0.85', 'Links below this are shown to a person',
        ['LOW_CONFIDENCE_MATCH']),
    ('late_billed_days', '21', 'Days after the plan date from which an invoice is late',
        ['LATE_BILLED']),
    ('fx_tolerance_share', '0.05', 'How far an exchange rate may be off the usual one',
        ['FX_ANOMALY']),
    ('fx_reference_days', '31', 'Age of a listed rate up to which it is the reference',
        ['FX_ANOMALY']),
    ('inference_sure_days', '14', 'Days from the due date up to which an inferred link is sure',
        ['LOW_CONFIDENCE_MATCH']),
    ('replacement_days', '5', 'Days in which a voided invoice may be replaced',
        ['VOIDED_AFTER_BILLING']),
    ('status_sync_hours', '24', 'Hours in which Salesforce must show what QuickBooks says',
        ['STATUS_DRIFT']),
    ('rounding_per_line', '0.01', 'What each line of an invoice may be rounded by',
        ['DUPLICATE_INVOICE', 'REOPENED_OR_LOST', 'CREDITED_AFTER_BILLING', 'UNDER_BILLED',
         'OVER_BILLED', 'WRONG_PRODUCT', 'WRONG_PRICE_OR_DISCOUNT', 'HEADER_LINE_MISMATCH',
         'TAX_DIFFERENCE', 'SHIPPING_OR_ROUNDING']),
    ('period_end_days', '10', 'Days around the end of a period in which a cut-off is high',
        ['CUT_OFF']),
    ('severity_medium_from', '1000', 'Amount from which a mismatch is medium', []),
    ('severity_high_from', '10000', 'Amount from which it is high', []),
    ('severity_critical_from', '50000', 'Amount from which it is critical', []),
    ('freshness_hours', '26', 'Hours after which data are too old to conclude from',
        ['NOT_CONCLUDED']),
] -%}
{#- What a row of book_dials sets: the dial of each of its parts. -#}
{%- set parts = [
    ('matching', 'absolute', 'tolerance_abs'),
    ('matching', 'per_cent', 'matching_tolerance_pct'),
    ('rounding', 'absolute', 'rounding_per_line'),
    ('materiality', 'absolute', 'materiality_abs'),
    ('materiality', 'per_cent', 'materiality_pct'),
] -%}
-- The dials in force: what each is set to and which classes it moves, and then those that some
-- books have otherwise. Numbers are kept as they were written, because they are days, amounts and
-- shares.
with

project_dials as (
    {% for name, default, meaning, classes in dials %}
    select
        '{{ name }}' as dial,
        '{{ var(name, default) }}' as setting,
        '{{ meaning }}' as meaning,
        cast({{ classes }} as varchar[]) as mismatch_classes
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

book_dials as (
    {% for dial, part, name in parts %}
    select
        '{{ name }}' as dial,
        company_id,
        currency_code,
        cast({{ part }} as varchar) as setting
    from {{ ref('book_dials') }}
    where dial = '{{ dial }}' and {{ part }} is not null
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        dial,
        cast(null as varchar) as company_id,
        cast(null as varchar) as currency_code,
        setting,
        meaning,
        mismatch_classes
    from project_dials
    union all
    select
        book_dials.dial,
        book_dials.company_id,
        book_dials.currency_code,
        book_dials.setting,
        project_dials.meaning,
        project_dials.mismatch_classes
    from book_dials
    inner join project_dials on book_dials.dial = project_dials.dial

)

select * from final
