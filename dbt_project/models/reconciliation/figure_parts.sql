{{ config(materialized='view') }}

-- What each amount of the report is the sum of: one row per part, which is a mismatch, a deal, a
-- plan step or a document. `made_of` says how a part comes out of deal and documents, so that
-- `reconciliation.why` can go on from it to the vendors' records.
with

mismatches as (

    select
        mismatches.* replace (
            coalesce(mismatches.company_id, 'not routed') as company_id,
            {{ stake_currency('mismatches') }} as currency_code
        ),
        mismatches.currency_code as document_currency_code,
        case mismatches.mismatch_class
            when 'UNBILLED_CLOSED_WON' then 'step'
            when 'VOIDED_AFTER_BILLING' then 'step'
            when 'UNDER_BILLED' then 'step_less_billed'
            when 'OVER_BILLED' then 'net_billed_less_step'
            else 'whole'
        end as made_of
    from {{ ref('mismatches') }} as mismatches
    left join {{ ref('stg_quickbooks__companies') }} as companies
        on mismatches.company_id = companies.company_id
    where mismatches.value_at_stake is not null

),

classes_of_figures as (

    select *
    from (
        values
        ('leakage', 'UNBILLED_CLOSED_WON'),
        ('leakage', 'VOIDED_AFTER_BILLING'),
        ('leakage', 'UNDER_BILLED'),
        ('unbilled', 'UNBILLED_CLOSED_WON'),
        ('voided', 'VOIDED_AFTER_BILLING'),
        ('under_billed', 'UNDER_BILLED'),
        ('over_billed', 'OVER_BILLED'),
        ('duplicates', 'DUPLICATE_INVOICE'),
        ('unapplied_payments', 'UNAPPLIED_PAYMENT'),
        ('unapplied_credits', 'UNAPPLIED_CREDIT')
    ) as named (figure, mismatch_class)

),

steps as (

    select * replace (coalesce(company_id, 'not routed') as company_id)
    from {{ ref('int_reconciliation__steps') }}

),

deals as (

    select * replace (coalesce(company_id, 'not routed') as company_id)
    from {{ ref('int_deals__billable') }}

),

statuses as (

    select * from {{ ref('invoice_status') }}

),

clock as (

    select * from {{ ref('int_clock') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

credits as (

    select * from {{ ref('int_credits__net') }}
    where is_live

),

buckets as (

    select *
    from (
        values
        ('ageing current', -1000000, 0),
        ('ageing 1-30', 1, 30),
        ('ageing 31-60', 31, 60),
        ('ageing 61-90', 61, 90),
        ('ageing 91+', 91, 1000000)
    ) as named (figure, from_days, to_days)

),

weeks_shown as (

    select distinct week_on from {{ ref('leakage_by_week') }}

),

-- The key figures that are sums of mismatches, and each class in all.
of_mismatches as (

    select
        classes_of_figures.figure,
        mismatches.*
    from mismatches
    inner join classes_of_figures on mismatches.mismatch_class = classes_of_figures.mismatch_class
    union all by name
    select
        'class ' || mismatches.mismatch_class as figure,
        mismatches.*
    from mismatches
    where mismatches.currency_code is not null
    union all by name
    select
        'leakage of the week of ' || cast(date_trunc('week', steps.due_on) as date) as figure,
        mismatches.*
    from mismatches
    inner join classes_of_figures
        on
            mismatches.mismatch_class = classes_of_figures.mismatch_class
            and classes_of_figures.figure = 'leakage'
    inner join steps
        on
            mismatches.org_id = steps.org_id
            and mismatches.deal_id = steps.deal_id
            and mismatches.plan_step = steps.plan_step
    inner join weeks_shown on date_trunc('week', steps.due_on) = weeks_shown.week_on

),

mismatches_listed as (

    select
        figure,
        company_id,
        currency_code,
        'mismatch' as part,
        made_of,
        value_at_stake as amount,
        mismatch_id,
        org_id,
        deal_id,
        plan_step,
        document_type,
        document_id,
        mismatch_class || ': ' || reason as said
    from of_mismatches

),

steps_matched as (

    select distinct
        org_id,
        deal_id,
        plan_step
    from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating

),

of_steps as (

    select
        'due' as figure,
        steps.company_id,
        steps.currency_code,
        steps.amount,
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        steps.step_count,
        steps.due_on
    from steps
    where steps.is_due
    union all
    select
        'matched' as figure,
        steps.company_id,
        steps.currency_code,
        steps.amount,
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        steps.step_count,
        steps.due_on
    from steps
    inner join steps_matched
        on
            steps.org_id = steps_matched.org_id
            and steps.deal_id = steps_matched.deal_id
            and steps.plan_step = steps_matched.plan_step
    where steps.is_due
    union all
    select
        'bridge E' as figure,
        company_id,
        currency_code,
        amount,
        org_id,
        deal_id,
        plan_step,
        step_count,
        due_on
    from steps
    where is_due
    union all
    select
        'steps ' || coverage_state as figure,
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        amount,
        org_id,
        deal_id,
        plan_step,
        step_count,
        due_on
    from {{ ref('deal_coverage') }}
    union all
    select
        case when blocked_reason is null then 'invoices ready' else 'invoices blocked' end
            as figure,
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        amount,
        org_id,
        deal_id,
        plan_step,
        step_count,
        invoice_on as due_on
    from {{ ref('sync_invoices') }}
    where amount is not null and currency_code is not null

),

steps_listed as (

    select
        figure,
        company_id,
        currency_code,
        'step' as part,
        'step' as made_of,
        amount,
        org_id,
        deal_id,
        plan_step,
        'Step ' || plan_step || ' of ' || step_count as said
    from of_steps

),

sold as (

    select
        'bridge A' as figure,
        company_id,
        currency_code,
        'deal' as part,
        'deal_lines' as made_of,
        basis_amount as amount,
        org_id,
        deal_id,
        'Sold: ' || deal_name as said
    from deals
    where is_billable

),

flows as (

    select
        'bridge ' || contributions.line_code as figure,
        contributions.company_id,
        contributions.currency_code,
        case when contributions.invoice_id is null then 'step' else 'document' end as part,
        case
            when contributions.invoice_id is not null then 'whole'
            when contributions.line_code like 'V\_%' escape '\' then 'billed_less_step'
            else 'step'
        end as made_of,
        contributions.amount,
        contributions.org_id,
        contributions.deal_id,
        contributions.plan_step,
        case when contributions.invoice_id is not null then 'invoice' end as document_type,
        contributions.invoice_id as document_id,
        bridge_lines.line_label as said
    from {{ ref('int_reconciliation__contributions') }} as contributions
    left join {{ ref('bridge_lines') }} as bridge_lines
        on contributions.line_code = bridge_lines.line_code

),

of_invoices as (

    select
        'bridge I1' as figure,
        company_id,
        currency_code,
        net_amount as amount,
        'invoice_lines' as made_of,
        invoice_id,
        document_number
    from invoices
    union all
    select
        'bridge T' as figure,
        company_id,
        currency_code,
        gross_amount - net_amount as amount,
        'whole' as made_of,
        invoice_id,
        document_number
    from invoices
    where gross_amount != net_amount
    union all
    select
        unnest(['bridge I2', 'bridge N']) as figure,
        company_id,
        currency_code,
        gross_amount as amount,
        'whole' as made_of,
        invoice_id,
        document_number
    from invoices
    union all
    select
        'receivable' as figure,
        company_id,
        currency_code,
        balance as amount,
        'whole' as made_of,
        invoice_id,
        document_number
    from statuses
    where balance != 0
    union all
    select
        'overdue' as figure,
        company_id,
        currency_code,
        balance as amount,
        'whole' as made_of,
        invoice_id,
        document_number
    from statuses
    where balance != 0 and days_overdue > 0
    union all
    select
        'sales' as figure,
        statuses.company_id,
        statuses.currency_code,
        statuses.gross_amount as amount,
        'whole' as made_of,
        statuses.invoice_id,
        statuses.document_number
    from statuses
    cross join clock
    where
        statuses.invoice_on > clock.as_of_on - {{ var('dso_days', 90) }}
        and statuses.invoice_on <= clock.as_of_on
        and statuses.gross_amount != 0
    union all
    select
        buckets.figure,
        statuses.company_id,
        statuses.currency_code,
        statuses.balance as amount,
        'whole' as made_of,
        statuses.invoice_id,
        statuses.document_number
    from statuses
    inner join buckets
        on coalesce(statuses.days_overdue, 0) between buckets.from_days and buckets.to_days
    where statuses.balance != 0

),

invoices_listed as (

    select
        figure,
        company_id,
        currency_code,
        'document' as part,
        made_of,
        amount,
        'invoice' as document_type,
        invoice_id as document_id,
        'Invoice ' || coalesce(document_number, invoice_id) as said
    from of_invoices

),

credits_listed as (

    select
        unnest(['bridge R', 'bridge N']) as figure,
        company_id,
        currency_code,
        'document' as part,
        'whole' as made_of,
        -gross_amount as amount,
        document_type,
        document_id,
        case document_type when 'credit_memo' then 'Credit memo ' else 'Refund ' end
        || coalesce(document_number, document_id) as said
    from credits

),

-- What is left over is the bridge's own sum.
residuals as (

    select
        'bridge RESIDUAL' as figure,
        company_id,
        currency_code,
        'line' as part,
        'whole' as made_of,
        case when line_code = 'I1' then -amount else amount end as amount,
        line_code || ': ' || line_label as said
    from {{ ref('reconciliation_bridge') }}
    where
        period_kind = 'to_date'
        and amount != 0
        and (line_code = 'I1' or (line_kind = 'flow' and line_code not in ('T', 'R')))

),

exceptions as (

    select
        exceptions.*,
        coalesce(exceptions.opening_amount, 0) as opened_with,
        mismatches.made_of
    from {{ ref('exceptions') }} as exceptions
    left join mismatches on exceptions.exception_id = mismatches.mismatch_id
    where exceptions.currency_code is not null

),

of_exceptions as (

    select
        'exceptions closing' as figure,
        value_at_stake as amount,
        *
    from exceptions
    where movement != 'closed'
    union all
    select
        'exceptions new' as figure,
        value_at_stake as amount,
        *
    from exceptions
    where movement = 'new'
    union all
    select
        'exceptions opening' as figure,
        opened_with as amount,
        *
    from exceptions
    where movement != 'new'
    union all
    select
        'exceptions closed' as figure,
        opened_with as amount,
        *
    from exceptions
    where movement = 'closed'
    union all
    select
        'exceptions revalued' as figure,
        value_at_stake - opened_with as amount,
        *
    from exceptions
    where movement = 'carried'

),

exceptions_listed as (

    select
        figure,
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        'exception' as part,
        case when figure in ('exceptions closing', 'exceptions new') then made_of end as made_of,
        amount,
        exception_id as mismatch_id,
        org_id,
        deal_id,
        plan_step,
        document_type,
        document_id,
        mismatch_class || ', ' || exception_state || ': ' || reason as said
    from of_exceptions
    where amount is not null

),

receivables as (
    {%- for name in ['reported', 'held'] %}
    select
        'receivables {{ name }}' as figure,
        company_id,
        currency_code,
        {{ name }}_current_amount + {{ name }}_days_1_to_30 + {{ name }}_days_31_to_60
        + {{ name }}_days_61_to_90 + {{ name }}_days_91_and_over as amount,
        customer_id,
        customer_name
    from {{ ref('int_receivables__compared') }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

receivables_listed as (

    select
        figure,
        company_id,
        currency_code,
        'customer' as part,
        'whole' as made_of,
        amount,
        'customer' as document_type,
        customer_id as document_id,
        coalesce(customer_name, 'Customer ' || customer_id) as said
    from receivables
    where amount != 0

),

combined as (

    select * from mismatches_listed
    union all by name
    select * from steps_listed
    union all by name
    select * from sold
    union all by name
    select * from flows
    union all by name
    select * from invoices_listed
    union all by name
    select * from credits_listed
    union all by name
    select * from residuals
    union all by name
    select * from exceptions_listed
    union all by name
    select * from receivables_listed

),

final as (

    select
        figure,
        company_id,
        currency_code,
        part,
        coalesce(made_of, 'whole') as made_of,
        cast(amount as decimal(18, 2)) as amount,
        mismatch_id,
        org_id,
        deal_id,
        cast(plan_step as integer) as plan_step,
        document_type,
        document_id,
        said
    from combined

)

select * from final
