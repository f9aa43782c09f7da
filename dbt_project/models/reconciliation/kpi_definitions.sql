{{ config(
    post_hook=[
        "{{ steps_on_days() }}", "{{ receivables_on_days() }}", "{{ unapplied_on_days() }}",
        "{{ mismatches_on_days() }}", "{{ coverage_on_day() }}", "{{ kpis_on_day() }}"
    ]
) }}
-- The macros above stand on these:
-- depends_on: {{ ref('mismatches') }}, {{ ref('dials') }}, {{ ref('int_credits__net') }}
{%- set kpis = [
    ('leakage_amount', 'amount', 'Due, past grace and not billed, voided and not replaced, or billed too little; beyond the tolerance, never netted with over-billing', ['leakage']),
    ('leakage_rate', 'share', 'leakage_amount ÷ due_amount', ['leakage', 'due']),
    ('over_billed_amount', 'amount', 'Billed beyond the plan step, credits taken off', ['over_billed']),
    ('duplicate_amount', 'amount', 'Billed a second time and not credited', ['duplicates']),
    ('match_rate_by_count', 'share', 'Deals whose due steps are all linked to an invoice ÷ deals with something due', []),
    ('match_rate_by_value', 'share', 'The same of their amounts', ['matched', 'due']),
    ('auto_match_rate', 'share', 'Those linked without a person ÷ deals with something due', []),
    ('reversal_rate', 'share', 'Links that a rule made by document evidence and a person rejected ÷ these and the links of rules that stand', []),
    ('time_to_invoice_median_days', 'days', 'Plan date to the date of the first invoice, the middle one', []),
    ('time_to_invoice_p90_days', 'days', 'Nine of ten steps are invoiced within so many days', []),
    ('time_to_send_median_days', 'days', 'Plan date to the day on which the first invoice went to the customer by e-mail, where QuickBooks knows it (steps_sent of them), the middle one', []),
    ('time_to_send_p90_days', 'days', 'Nine of ten of these went within so many days', []),
    ('dso_days', 'days', 'Receivables ÷ sales of the last dso_days days × these days', ['receivable', 'sales']),
    ('dso_count_back_days', 'days', 'Receivables used up by the sales of this month, the month before and so on; the days of these months, the last one in part', []),
    ('best_possible_dso_days', 'days', 'Receivables that are not past due ÷ sales × days', ['ageing current', 'sales']),
    ('average_days_delinquent', 'days', 'dso_days − best_possible_dso_days', ['overdue', 'sales']),
    ('collection_effectiveness', 'share', '(Opening receivables + sales − closing receivables) ÷ (opening receivables + sales − closing receivables not past due), over dso_days days', []),
    ('current_amount', 'amount', 'Receivables not yet past due; the columns after it are those past due by days', ['ageing current']),
    ('unapplied_payment_amount', 'amount', 'Received and not applied although the customer has open invoices; the oldest in unapplied_payment_oldest_days', ['unapplied_payments']),
    ('unapplied_credit_amount', 'amount', 'Credited and not applied, likewise', ['unapplied_credits']),
    ('open_exceptions', 'count', 'Mismatches that somebody has to deal with', []),
    ('exceptions_opened', 'count', 'In the last recorded run and not in that of the week before; null while no two weeks are recorded', []),
    ('exceptions_closed', 'count', 'In that of the week before and no longer there', []),
    ('exceptions_carried', 'count', 'In both', []),
    ('mean_days_to_resolve', 'days', 'From the run that first found an exception to the first that no longer did', []),
    ('coverage', 'share', 'Rows held ÷ rows that the vendor counts in the company, by the last count asked for', []),
] %}
-- What each key figure means. `reconciliation.kpis_as_of(day)` gives them for any day: what had
-- happened by then, as it is known now.
with

final as (
    {% for name, unit, definition, figures in kpis %}
    select
        '{{ name }}' as kpi,
        '{{ unit }}' as unit,
        '{{ definition }}' as definition,
        cast({{ figures }} as varchar[]) as figures
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from final
