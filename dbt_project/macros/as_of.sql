{#-
    The books at any day: what had happened by then, as it is known now. A document counts from its
    own date on, a payment from its date on, a void or deletion from the day it was made. On the day
    of the data, and later, everything counts that is held, so that these macros say exactly what
    the marts say. What was known then is another question, which `crossfoot close replay` answers.
-#}

{#- A setting of `dials` as a number: the project's, which books without their own have. -#}
{% macro dial(name) -%}
    (
        select cast(setting as decimal(18, 4)) from reconciliation.dials
        where dial = '{{ name }}' and company_id is null and currency_code is null
    )
{%- endmacro %}

{#- The days asked about, and whether each is as late as the data are. -#}
{% macro moments_asked() -%}
    select
        days.as_of_on,
        days.as_of_on >= clock.as_of_on as is_now
    from (select distinct unnest(days_asked) as as_of_on) as days
    cross join intermediate.int_clock as clock
{%- endmacro %}

{#- Every plan step of a billable deal on each of these days, with what was invoiced and credited
    by then. -#}
{% macro steps_on_days() -%}
    create or replace macro reconciliation.steps_as_of(days_asked) as table
    with moments as (

        {{ moments_asked() }}

    ),

    documents as (

        select
            moments.as_of_on,
            documents.*,
            {{ document_told() }} as told
        from intermediate.int_reconciliation__documents as documents
        inner join moments on documents.invoice_on <= moments.as_of_on or moments.is_now
        where documents.deal_id is not null

    ),

    documents_summed as (

        select
            as_of_on,
            org_id,
            deal_id,
            plan_step,
            {{ documents_together() }},
            {{ main_document('told') }} filter (where {{ is_billing() }}) as main_document
        from documents
        group by as_of_on, org_id, deal_id, plan_step

    ),

    credits_summed as (

        select
            moments.as_of_on,
            credits.org_id,
            credits.deal_id,
            credits.plan_step,
            sum(credits.credited_amount) as credited_amount
        from intermediate.int_credits__allocated as credits
        inner join moments on credits.credited_on <= moments.as_of_on or moments.is_now
        group by moments.as_of_on, credits.org_id, credits.deal_id, credits.plan_step

    ),

    -- An invoice that is gone stood until the day of its void or deletion. Over what amount it
    -- stood is not known any more, so the step counts as billed in full until then.
    gone as (

        select
            moments.as_of_on,
            links.org_id,
            links.deal_id,
            links.plan_step,
            {{ predecessor('held.gone_on') }}
                filter (where moments.is_now or left_on.day <= moments.as_of_on) as predecessor,
            coalesce(bool_or(left_on.day > moments.as_of_on and not moments.is_now), false)
                as is_standing
        from intermediate.int_invoices__linked_to_deals as links
        inner join moments
            on coalesce(links.invoice_on, date '1900-01-01') <= moments.as_of_on or moments.is_now
        left join (

            {{ invoices_gone('staging.stg_quickbooks__invoices') }}

        ) as held on links.company_id = held.company_id and links.invoice_id = held.invoice_id
        left join (
            select
                company_id,
                record_id,
                cast(timezone('UTC', min(deleted_at)) as date) as day
            from staging.stg_quickbooks__deletions
            where entity = 'Invoice'
            group by company_id, record_id
        ) as deleted on links.company_id = deleted.company_id and links.invoice_id = deleted.record_id
        cross join lateral (select coalesce(held.gone_on, deleted.day) as day) as left_on
        where links.is_usable and not links.is_live
        group by moments.as_of_on, links.org_id, links.deal_id, links.plan_step

    ),

    candidates as (

        select distinct
            moments.as_of_on,
            links.org_id,
            links.deal_id,
            links.plan_step
        from intermediate.int_invoices__linked_to_deals as links
        inner join moments on links.invoice_on <= moments.as_of_on or moments.is_now
        where links.match_state = 'ambiguous' and links.is_live

    ),

    steps_joined as (

        select
            moments.as_of_on,
            steps.org_id,
            steps.deal_id,
            steps.plan_step,
            steps.step_count,
            coalesce(steps.company_id, 'not routed') as company_id,
            steps.account_id,
            steps.currency_code,
            steps.due_on,
            steps.amount,
            steps.due_on <= moments.as_of_on as is_due,
            steps.past_grace_on < moments.as_of_on as is_past_grace,
            coalesce(documents_summed.documents, 0) as documents,
            coalesce(documents_summed.documents_billed, 0) as documents_billed,
            coalesce(documents_summed.invoiced_amount, 0) as invoiced_amount,
            coalesce(documents_summed.duplicate_amount, 0) as duplicate_amount,
            coalesce(credits_summed.credited_amount, 0) as credited_amount,
            documents_summed.first_invoice_on,
            documents_summed.main_document,
            gone.predecessor,
            coalesce(gone.is_standing, false) as is_standing,
            candidates.deal_id is not null as is_undecided,
            {{ no_difference_in_force(
                'steps.amount', 'coalesce(documents_summed.lines_billed, 0)', 'steps'
            ) }} as tolerance
        from intermediate.int_billing_plan__steps as steps
        cross join moments
        left join documents_summed
            on
                moments.as_of_on = documents_summed.as_of_on
                and steps.org_id = documents_summed.org_id
                and steps.deal_id = documents_summed.deal_id
                and steps.plan_step = documents_summed.plan_step
        left join credits_summed
            on
                moments.as_of_on = credits_summed.as_of_on
                and steps.org_id = credits_summed.org_id
                and steps.deal_id = credits_summed.deal_id
                and steps.plan_step = credits_summed.plan_step
        left join gone
            on
                moments.as_of_on = gone.as_of_on
                and steps.org_id = gone.org_id
                and steps.deal_id = gone.deal_id
                and steps.plan_step = gone.plan_step
        left join candidates
            on
                moments.as_of_on = candidates.as_of_on
                and steps.org_id = candidates.org_id
                and steps.deal_id = candidates.deal_id
                and steps.plan_step = candidates.plan_step
        where steps.is_billable

    ),

    steps_judged as (

        select
            *,
            {{ step_outcome(
                'is_undecided', 'predecessor is not null', 'predecessor.gone_on', 'is_standing'
            ) }} as outcome,
            {{ is_duplicate_settled() }} as is_duplicate_settled
        from steps_joined

    )

    select
        *,
        {{ net_invoiced() }} as net_invoiced_amount
    from steps_judged
{%- endmacro %}

{#- Open balances: today's, with what was applied after the day added again. -#}
{% macro receivables_on_days() -%}
    create or replace macro reconciliation.receivables_as_of(days_asked) as table
    with moments as (

        {{ moments_asked() }}

    ),

    applied_later as (

        select
            moments.as_of_on,
            applications.company_id,
            applications.document_id as invoice_id,
            sum(applications.amount) as amount
        from staging.stg_quickbooks__payment_applications as applications
        inner join staging.stg_quickbooks__payments as payments
            on
                applications.company_id = payments.company_id
                and applications.payment_id = payments.payment_id
        inner join moments on payments.paid_on > moments.as_of_on and not moments.is_now
        where applications.document_type = 'Invoice'
        group by moments.as_of_on, applications.company_id, applications.document_id

    )

    select
        moments.as_of_on,
        invoices.company_id,
        invoices.currency_code,
        invoices.invoice_id,
        invoices.document_number,
        invoices.customer_id,
        invoices.customer_name,
        invoices.invoice_on,
        invoices.due_on,
        invoices.gross_amount,
        cast(invoices.balance + coalesce(applied_later.amount, 0) as decimal(18, 2)) as balance,
        case
            when invoices.balance + coalesce(applied_later.amount, 0) > 0
                then greatest(moments.as_of_on - invoices.due_on, 0)
        end as days_overdue
    from intermediate.int_invoices__net as invoices
    inner join moments on invoices.invoice_on <= moments.as_of_on or moments.is_now
    left join applied_later
        on
            moments.as_of_on = applied_later.as_of_on
            and invoices.company_id = applied_later.company_id
            and invoices.invoice_id = applied_later.invoice_id
    where invoices.is_live
{%- endmacro %}

{#- Payments and credits that were not applied by the day, while their customer owed something. -#}
{% macro unapplied_on_days() -%}
    create or replace macro reconciliation.unapplied_as_of(days_asked) as table
    with moments as (

        {{ moments_asked() }}

    ),

    applications as (

        select
            applications.*,
            payments.paid_on,
            invoices.invoice_on
        from staging.stg_quickbooks__payment_applications as applications
        inner join staging.stg_quickbooks__payments as payments
            on
                applications.company_id = payments.company_id
                and applications.payment_id = payments.payment_id
        left join intermediate.int_invoices__net as invoices
            on
                applications.document_type = 'Invoice'
                and applications.company_id = invoices.company_id
                and applications.document_id = invoices.invoice_id

    ),

    -- A payment is applied when both it and its invoice are there.
    payments_applied_later as (

        select
            moments.as_of_on,
            applications.company_id,
            applications.payment_id,
            sum(applications.amount) as amount
        from applications
        inner join moments
            on applications.invoice_on > moments.as_of_on and not moments.is_now
        where applications.paid_on <= moments.as_of_on
        group by moments.as_of_on, applications.company_id, applications.payment_id

    ),

    credits_applied_later as (

        select
            moments.as_of_on,
            applications.company_id,
            applications.document_id,
            sum(applications.amount) as amount
        from applications
        inner join moments on applications.paid_on > moments.as_of_on and not moments.is_now
        where applications.document_type = 'CreditMemo'
        group by moments.as_of_on, applications.company_id, applications.document_id

    ),

    owing as (

        select
            as_of_on,
            company_id,
            customer_id,
            currency_code,
            sum(balance) as open_balance
        from reconciliation.receivables_as_of(days_asked)
        where balance > 0
        group by as_of_on, company_id, customer_id, currency_code

    ),

    unapplied as (

        select
            moments.as_of_on,
            'UNAPPLIED_PAYMENT' as mismatch_class,
            payments.company_id,
            'payment' as document_type,
            payments.payment_id as document_id,
            payments.payment_reference as document_number,
            payments.customer_id,
            payments.currency_code,
            payments.paid_on as occurred_on,
            payments.unapplied_amount + coalesce(later.amount, 0) as amount
        from staging.stg_quickbooks__payments as payments
        inner join moments on payments.paid_on <= moments.as_of_on or moments.is_now
        left join payments_applied_later as later
            on
                moments.as_of_on = later.as_of_on
                and payments.company_id = later.company_id
                and payments.payment_id = later.payment_id
        where not payments.is_deleted and not payments.is_voided
        union all
        select
            moments.as_of_on,
            'UNAPPLIED_CREDIT' as mismatch_class,
            credits.company_id,
            credits.document_type,
            credits.document_id,
            credits.document_number,
            credits.customer_id,
            credits.currency_code,
            credits.credited_on as occurred_on,
            credits.remaining_credit + coalesce(later.amount, 0) as amount
        from intermediate.int_credits__net as credits
        inner join moments on credits.credited_on <= moments.as_of_on or moments.is_now
        left join credits_applied_later as later
            on
                credits.document_type = 'credit_memo'
                and moments.as_of_on = later.as_of_on
                and credits.company_id = later.company_id
                and credits.document_id = later.document_id
        where credits.is_live

    )

    select
        unapplied.* replace (cast(unapplied.amount as decimal(18, 2)) as amount)
    from unapplied
    inner join owing
        on
            unapplied.as_of_on = owing.as_of_on
            and unapplied.company_id = owing.company_id
            and unapplied.customer_id = owing.customer_id
            and unapplied.currency_code = owing.currency_code
    where unapplied.amount > 0
{%- endmacro %}
