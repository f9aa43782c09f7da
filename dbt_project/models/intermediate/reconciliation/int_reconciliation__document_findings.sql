-- What is wrong with each live invoice, class by class. One invoice may have several findings;
-- the taxonomy's order decides later which one carries the value.
with

documents as (

    select * from {{ ref('int_reconciliation__documents') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

credits_summed as (

    select
        org_id,
        deal_id,
        plan_step,
        sum(credited_amount) as credited_amount
    from {{ ref('int_credits__allocated') }}
    group by org_id, deal_id, plan_step

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

terms as (

    select * from {{ ref('stg_quickbooks__terms') }}

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating

),

duplicates as (

    select
        documents.*,
        'DUPLICATE_INVOICE' as mismatch_class,
        documents.amount as value_at_stake,
        cast(0 as decimal(18, 2)) as expected_amount,
        case
            when documents.deal_id is null
                then
                    'Repeats invoice ' || documents.repeated_number
                    || ' to the same customer; no deal explains either'
            else 'Step ' || documents.plan_step || ' is billed without this invoice'
        end as reason
    from documents
    left join steps
        on
            documents.org_id = steps.org_id
            and documents.deal_id = steps.deal_id
            and documents.plan_step = steps.plan_step
    where
        documents.placement = 'duplicate' and not coalesce(steps.is_duplicate_settled, false)

),

wrong_entities as (

    select
        documents.*,
        'WRONG_ENTITY' as mismatch_class,
        documents.amount as value_at_stake,
        cast(0 as decimal(18, 2)) as expected_amount,
        'Billed by ' || coalesce(companies.company_name, 'company ' || documents.company_id)
        || '; the routing rule gives '
        || coalesce(routed.company_name, 'company ' || documents.routed_company_id) as reason
    from documents
    left join companies on documents.company_id = companies.company_id
    left join companies as routed on documents.routed_company_id = routed.company_id
    where documents.is_wrong_entity and documents.placement != 'excluded'

),

wrong_customers as (

    select
        *,
        'WRONG_CUSTOMER' as mismatch_class,
        amount as value_at_stake,
        cast(0 as decimal(18, 2)) as expected_amount,
        coalesce(customer_name, 'Customer ' || customer_id)
        || ' is not a customer of the deal''s account' as reason
    from documents
    where is_wrong_customer and not is_wrong_entity and placement != 'excluded'

),

wrong_currencies as (

    select
        *,
        'CURRENCY_MISMATCH' as mismatch_class,
        amount as value_at_stake,
        step_amount as expected_amount,
        'Billed in ' || currency_code || '; the deal is in ' || deal_currency_code as reason
    from documents
    where is_wrong_currency and placement != 'excluded'

),

invoices_not_won as (

    {{ invoices_not_won() }}

),

not_won as (

    select
        * exclude (left_amount),
        'REOPENED_OR_LOST' as mismatch_class,
        left_amount as value_at_stake,
        cast(0 as decimal(18, 2)) as expected_amount,
        'The deal is not won any more and the invoice stands' as reason
    from invoices_not_won
    where left_amount > {{ no_difference('amount', 'line_count') }}

),

outside as (

    select
        documents.*,
        'EXCLUDED' as mismatch_class,
        cast(0 as decimal(18, 2)) as value_at_stake,
        cast(null as decimal(18, 2)) as expected_amount,
        'Outside scope by the rule ' || case
            when documents.placement = 'excluded' then deals.exclusion_rule
            when documents.is_customer_excluded then 'account type'
            else 'customer unknown to Salesforce'
        end as reason
    from documents
    left join deals
        on documents.org_id = deals.org_id and documents.deal_id = deals.deal_id
    where documents.placement in ('out_of_scope', 'excluded')

),

orphans as (

    select
        *,
        'ORPHAN_INVOICE' as mismatch_class,
        amount as value_at_stake,
        cast(0 as decimal(18, 2)) as expected_amount,
        'No deal of this customer explains the invoice' as reason
    from documents
    where placement = 'orphan'

),

undecided as (

    select
        *,
        'AMBIGUOUS_MATCH' as mismatch_class,
        amount as value_at_stake,
        cast(null as decimal(18, 2)) as expected_amount,
        candidates || ' plan steps fit this invoice equally well' as reason
    from documents
    where placement = 'undecided'

),

-- The reference is the company's own rate list where it has a rate of the last days. Otherwise the
-- usual rate of a currency in a month is the middle one of its documents; a month with few
-- documents borrows from all.
rates as (

    select
        invoices.company_id,
        invoices.currency_code,
        date_trunc('month', invoices.invoice_on) as month_on,
        quantile_disc(invoices.exchange_rate, 0.5) as rate,
        count(*) as documents
    from invoices
    group by all

),

rates_overall as (

    select
        company_id,
        currency_code,
        quantile_disc(exchange_rate, 0.5) as rate
    from invoices
    group by all

),

rates_listed as (

    select
        company_id,
        currency_code,
        as_of_on,
        exchange_rate
    from {{ ref('stg_quickbooks__exchange_rates') }}
    where exchange_rate > 0

),

rates_judged as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.exchange_rate,
        case
            when
                rates_listed.as_of_on
                >= invoices.invoice_on - {{ var('fx_reference_days', 31) }}
                then rates_listed.exchange_rate
            when rates.documents >= 3 then rates.rate
            else rates_overall.rate
        end as reference_rate,
        invoices.gross_amount
    from invoices
    asof left join rates_listed
        on
            invoices.company_id = rates_listed.company_id
            and invoices.currency_code = rates_listed.currency_code
            and invoices.invoice_on >= rates_listed.as_of_on
    inner join companies
        on
            invoices.company_id = companies.company_id
            and invoices.currency_code != companies.home_currency_code
    left join rates
        on
            invoices.company_id = rates.company_id
            and invoices.currency_code = rates.currency_code
            and date_trunc('month', invoices.invoice_on) = rates.month_on
    left join rates_overall
        on
            invoices.company_id = rates_overall.company_id
            and invoices.currency_code = rates_overall.currency_code

),

wrong_rates as (

    select
        documents.*,
        'FX_ANOMALY' as mismatch_class,
        cast(abs(
            round(rates_judged.gross_amount * rates_judged.exchange_rate, 2)
            - round(rates_judged.gross_amount * rates_judged.reference_rate, 2)
        ) as decimal(18, 2)) as value_at_stake,
        cast(null as decimal(18, 2)) as expected_amount,
        'Exchange rate ' || {{ rate_told('rates_judged.exchange_rate') }} || ', usual '
        || {{ rate_told('rates_judged.reference_rate') }}
        || '; the difference is in home currency' as reason
    from documents
    inner join rates_judged
        on
            documents.company_id = rates_judged.company_id
            and documents.invoice_id = rates_judged.invoice_id
    where
        rates_judged.exchange_rate = 1
        or abs(rates_judged.exchange_rate - rates_judged.reference_rate)
        > rates_judged.reference_rate * {{ var('fx_tolerance_share', 0.05) }}

),

cut_off as (

    select
        *,
        'CUT_OFF' as mismatch_class,
        amount as value_at_stake,
        amount as expected_amount,
        'Planned for ' || strftime(due_on, '%Y-%m') || ', billed in '
        || strftime(invoice_on, '%Y-%m') as reason
    from documents
    where
        {{ is_billing() }}
        and date_trunc('month', due_on) != date_trunc('month', invoice_on)

),

late as (

    select
        *,
        'LATE_BILLED' as mismatch_class,
        cast(0 as decimal(18, 2)) as value_at_stake,
        amount as expected_amount,
        'Billed ' || (invoice_on - due_on) || ' days after the plan date' as reason
    from documents
    where placement = 'billed' and invoice_on - due_on > {{ var('late_billed_days', 21) }}

),

-- Terms give a number of days, or a day of the month: of this month, or of the next one when that
-- day is too near (or past).
due_dates_expected as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.due_on,
        {{ day_of_month('invoices.invoice_on', 'terms.due_day_of_month') }}
        - invoices.invoice_on - coalesce(terms.due_next_month_days, 0) as days_to_spare,
        case
            when terms.due_days is not null then invoices.invoice_on + terms.due_days
            when days_to_spare > 0
                then {{ day_of_month('invoices.invoice_on', 'terms.due_day_of_month') }}
            else
                {{ day_of_month(add_months('invoices.invoice_on', 1), 'terms.due_day_of_month') }}
        end as expected_due_on
    from invoices
    inner join terms
        on invoices.company_id = terms.company_id and invoices.term_id = terms.term_id
    where terms.due_days is not null or terms.due_day_of_month is not null

),

due_dates as (

    select
        documents.*,
        'TERMS_OR_DUE_DATE' as mismatch_class,
        cast(0 as decimal(18, 2)) as value_at_stake,
        documents.amount as expected_amount,
        'Due ' || due_dates_expected.due_on || '; the terms give '
        || due_dates_expected.expected_due_on as reason
    from documents
    inner join due_dates_expected
        on
            documents.company_id = due_dates_expected.company_id
            and documents.invoice_id = due_dates_expected.invoice_id
    -- On the very day the service's description allows both months.
    where
        due_dates_expected.due_on != due_dates_expected.expected_due_on
        and due_dates_expected.days_to_spare is distinct from 0

),

extras as (

    select
        documents.*,
        'SHIPPING_OR_ROUNDING' as mismatch_class,
        invoices.gross_amount - invoices.net_amount - invoices.tax_amount as value_at_stake,
        cast(null as decimal(18, 2)) as expected_amount,
        'Shipping or rounding on the invoice, outside the deal' as reason
    from documents
    inner join invoices
        on
            documents.company_id = invoices.company_id
            and documents.invoice_id = invoices.invoice_id
    where invoices.gross_amount - invoices.net_amount - invoices.tax_amount != 0

),

low_confidence as (

    select
        documents.*,
        'LOW_CONFIDENCE_MATCH' as mismatch_class,
        documents.amount as value_at_stake,
        documents.amount as expected_amount,
        'Linked with confidence ' || links.confidence || ' and not confirmed by anybody' as reason
    from documents
    inner join links
        on
            documents.company_id = links.company_id
            and documents.invoice_id = links.invoice_id
            and documents.deal_id = links.deal_id
            and documents.plan_step = links.plan_step
    where links.confidence < {{ var('link_confidence_floor', 0.85) }}

),

combined as (

    select * from duplicates
    union all
    select * from wrong_entities
    union all
    select * from wrong_customers
    union all
    select * from wrong_currencies
    union all
    select * from wrong_rates
    union all
    select * from not_won
    union all
    select * from outside
    union all
    select * from orphans
    union all
    select * from cut_off
    union all
    select * from late
    union all
    select * from due_dates
    union all
    select * from extras
    union all
    select * from undecided
    union all
    select * from low_confidence

),

final as (

    select
        'invoice|' || company_id || '|' || invoice_id as record_key,
        mismatch_class,
        company_id,
        coalesce(org_id, customer_org_id) as org_id,
        deal_id,
        plan_step,
        'invoice' as document_type,
        invoice_id as document_id,
        document_number,
        coalesce(deal_account_id, customer_account_id) as account_id,
        customer_id,
        customer_name,
        currency_code,
        cast(value_at_stake as decimal(18, 2)) as value_at_stake,
        cast(expected_amount as decimal(18, 2)) as expected_amount,
        cast(amount as decimal(18, 2)) as actual_amount,
        invoice_on as occurred_on,
        reason,
        -- The end of the period that the amount belongs to or came into too early.
        case when mismatch_class = 'CUT_OFF' then last_day(least(due_on, invoice_on)) end
            as period_end_on
    from combined

)

select * from final
