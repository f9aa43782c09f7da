-- The figures of the report's first screen, one row per company and currency. Amounts come from
-- the list of mismatches, so that the screen and the list never disagree.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * replace (coalesce(company_id, 'not routed') as company_id)
    from {{ ref('int_reconciliation__steps') }}

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating

),

documents as (

    select * from {{ ref('int_reconciliation__documents') }}

),

mismatches as (

    select * replace (coalesce(company_id, 'not routed') as company_id)
    from {{ ref('mismatches') }}

),

statuses as (

    select * from {{ ref('invoice_status') }}

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
    from statuses
    union distinct
    select
        company_id,
        currency_code
    from mismatches
    where currency_code is not null

),

mismatches_summed as (

    select
        company_id,
        currency_code,
        count(*) as mismatches,
        sum(value_at_stake) filter (
            where mismatch_class in ('UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING', 'UNDER_BILLED')
        ) as leakage_amount,
        count(distinct deal_id) filter (
            where mismatch_class in ('UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING', 'UNDER_BILLED')
        ) as leakage_deals,
        sum(value_at_stake) filter (where mismatch_class = 'UNBILLED_CLOSED_WON')
            as unbilled_amount,
        count(*) filter (where mismatch_class = 'UNBILLED_CLOSED_WON') as unbilled_steps,
        sum(value_at_stake) filter (where mismatch_class = 'VOIDED_AFTER_BILLING')
            as voided_amount,
        count(*) filter (where mismatch_class = 'VOIDED_AFTER_BILLING') as voided_steps,
        sum(value_at_stake) filter (where mismatch_class = 'UNDER_BILLED') as under_billed_amount,
        count(*) filter (where mismatch_class = 'UNDER_BILLED') as under_billed_steps,
        sum(value_at_stake) filter (where mismatch_class = 'OVER_BILLED') as over_billed_amount,
        count(*) filter (where mismatch_class = 'OVER_BILLED') as over_billed_steps,
        sum(value_at_stake) filter (where mismatch_class = 'DUPLICATE_INVOICE')
            as duplicate_amount,
        count(*) filter (where mismatch_class = 'DUPLICATE_INVOICE') as duplicate_invoices,
        sum(value_at_stake) filter (where mismatch_class = 'UNAPPLIED_PAYMENT')
            as unapplied_payment_amount,
        count(*) filter (where mismatch_class = 'UNAPPLIED_PAYMENT') as unapplied_payments,
        sum(value_at_stake) filter (where mismatch_class = 'UNAPPLIED_CREDIT')
            as unapplied_credit_amount,
        count(*) filter (where mismatch_class = 'UNAPPLIED_CREDIT') as unapplied_credits,
        max(age_days) filter (where precedence > 1 and severity != 'info') as oldest_days
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

invoices_sent as (

    select
        company_id,
        invoice_id,
        cast(timezone('UTC', sent_at) as date) as sent_on
    from {{ ref('stg_quickbooks__invoices') }}
    where sent_at is not null

),

-- When the first invoice of a step went to the customer, where QuickBooks knows of it: what was
-- printed or handed over leaves no moment behind.
steps_sent as (

    select
        documents.org_id,
        documents.deal_id,
        documents.plan_step,
        min(invoices_sent.sent_on) as first_sent_on
    from documents
    inner join invoices_sent
        on
            documents.company_id = invoices_sent.company_id
            and documents.invoice_id = invoices_sent.invoice_id
    where documents.deal_id is not null and documents.placement in ('billed', 'early')
    group by documents.org_id, documents.deal_id, documents.plan_step

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

receivables as (

    select
        statuses.company_id,
        statuses.currency_code,
        sum(statuses.balance) as receivable_amount,
        sum(statuses.balance) filter (where statuses.days_overdue > 0) as overdue_amount,
        sum(statuses.gross_amount) filter (
            where
            statuses.invoice_on > clock.as_of_on - {{ var('dso_days', 90) }}
            and statuses.invoice_on <= clock.as_of_on
        ) as sales_amount
    from statuses
    cross join clock
    group by statuses.company_id, statuses.currency_code

),

final as (

    select
        books.company_id,
        books.currency_code,
        clock.as_of_on,
        cast(coalesce(mismatches_summed.mismatches, 0) as integer) as mismatches,
        cast(coalesce(mismatches_summed.oldest_days, 0) as integer) as oldest_days,
        cast(coalesce(mismatches_summed.leakage_amount, 0) as decimal(18, 2)) as leakage_amount,
        cast(coalesce(mismatches_summed.leakage_deals, 0) as integer) as leakage_deals,
        cast(coalesce(mismatches_summed.unbilled_amount, 0) as decimal(18, 2)) as unbilled_amount,
        cast(coalesce(mismatches_summed.unbilled_steps, 0) as integer) as unbilled_steps,
        cast(coalesce(mismatches_summed.voided_amount, 0) as decimal(18, 2)) as voided_amount,
        cast(coalesce(mismatches_summed.voided_steps, 0) as integer) as voided_steps,
        cast(coalesce(mismatches_summed.under_billed_amount, 0) as decimal(18, 2))
            as under_billed_amount,
        cast(coalesce(mismatches_summed.under_billed_steps, 0) as integer) as under_billed_steps,
        cast(coalesce(mismatches_summed.over_billed_amount, 0) as decimal(18, 2))
            as over_billed_amount,
        cast(coalesce(mismatches_summed.over_billed_steps, 0) as integer) as over_billed_steps,
        cast(coalesce(mismatches_summed.duplicate_amount, 0) as decimal(18, 2)) as duplicate_amount,
        cast(coalesce(mismatches_summed.duplicate_invoices, 0) as integer) as duplicate_invoices,
        cast(coalesce(deals_summed.due_deals, 0) as integer) as due_deals,
        cast(coalesce(deals_summed.matched_deals, 0) as integer) as matched_deals,
        cast(coalesce(deals_summed.automatically_matched_deals, 0) as integer)
            as automatically_matched_deals,
        cast(coalesce(deals_summed.due_amount, 0) as decimal(18, 2)) as due_amount,
        cast(coalesce(deals_summed.matched_amount, 0) as decimal(18, 2)) as matched_amount,
        cast((deals_summed.matched_deals / nullif(deals_summed.due_deals, 0)) as decimal(9, 6))
            as match_rate_by_count,
        cast((deals_summed.matched_amount / nullif(deals_summed.due_amount, 0)) as decimal(9, 6))
            as match_rate_by_value,
        cast((mismatches_summed.leakage_amount / nullif(deals_summed.due_amount, 0)) as decimal(
            9, 6
        ))
            as leakage_rate,
        cast(coalesce(invoicing_times.steps_timed, 0) as integer) as steps_timed,
        cast(invoicing_times.median_days as decimal(9, 1)) as time_to_invoice_median_days,
        cast(invoicing_times.p90_days as decimal(9, 1)) as time_to_invoice_p90_days,
        cast(coalesce(sending_times.steps_sent, 0) as integer) as steps_sent,
        cast(sending_times.median_days as decimal(9, 1)) as time_to_send_median_days,
        cast(sending_times.p90_days as decimal(9, 1)) as time_to_send_p90_days,
        cast(coalesce(receivables.receivable_amount, 0) as decimal(18, 2)) as receivable_amount,
        cast(coalesce(receivables.overdue_amount, 0) as decimal(18, 2)) as overdue_amount,
        cast(coalesce(receivables.sales_amount, 0) as decimal(18, 2)) as sales_amount,
        (
            receivables.receivable_amount * {{ var('dso_days', 90) }}
            / nullif(receivables.sales_amount, 0)
        )::decimal(9, 1) as dso_days,
        cast(coalesce(mismatches_summed.unapplied_payment_amount, 0) as decimal(18, 2))
            as unapplied_payment_amount,
        cast(coalesce(mismatches_summed.unapplied_payments, 0) as integer) as unapplied_payments,
        cast(coalesce(mismatches_summed.unapplied_credit_amount, 0) as decimal(18, 2))
            as unapplied_credit_amount,
        cast(coalesce(mismatches_summed.unapplied_credits, 0) as integer) as unapplied_credits
    from books
    cross join clock
    left join mismatches_summed
        on
            books.company_id = mismatches_summed.company_id
            and books.currency_code = mismatches_summed.currency_code
    left join deals_summed
        on
            books.company_id = deals_summed.company_id
            and books.currency_code = deals_summed.currency_code
    left join invoicing_times
        on
            books.company_id = invoicing_times.company_id
            and books.currency_code = invoicing_times.currency_code
    left join sending_times
        on
            books.company_id = sending_times.company_id
            and books.currency_code = sending_times.currency_code
    left join receivables
        on
            books.company_id = receivables.company_id
            and books.currency_code = receivables.currency_code

)

select * from final
