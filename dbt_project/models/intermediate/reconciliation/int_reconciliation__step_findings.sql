-- What is wrong with each plan step, with the credits against it and with its deal.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

all_steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

credits as (

    select * from {{ ref('int_credits__allocated') }}

),

credits_net as (

    select * from {{ ref('int_credits__net') }}
    where is_live

),

payments as (

    select * from {{ ref('stg_quickbooks__payments') }}
    where not is_deleted and not is_voided

),

deal_statuses as (

    select * from {{ ref('sync_deal_status') }}

),

customers_owing as (

    select
        company_id,
        customer_id,
        currency_code,
        sum(balance) as open_balance
    from {{ ref('int_invoices__net') }}
    where is_live and balance > 0
    group by all

),

excluded as (

    select
        'step|' || all_steps.org_id || '|' || all_steps.deal_id || '|' || all_steps.plan_step
            as record_key,
        'EXCLUDED' as mismatch_class,
        all_steps.company_id,
        all_steps.org_id,
        all_steps.deal_id,
        all_steps.plan_step,
        cast(null as varchar) as document_type,
        cast(null as varchar) as document_id,
        cast(null as varchar) as document_number,
        all_steps.account_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as customer_name,
        all_steps.currency_code,
        0 as value_at_stake,
        all_steps.amount as expected_amount,
        cast(null as decimal(18, 2)) as actual_amount,
        all_steps.due_on as occurred_on,
        'Outside scope by the rule ' || deals.exclusion_rule as reason
    from all_steps
    inner join deals on all_steps.org_id = deals.org_id and all_steps.deal_id = deals.deal_id
    where deals.is_won and deals.exclusion_rule is not null

),

unbilled as (

    select
        'step|' || org_id || '|' || deal_id || '|' || plan_step as record_key,
        'UNBILLED_CLOSED_WON' as mismatch_class,
        company_id,
        org_id,
        deal_id,
        plan_step,
        cast(null as varchar) as document_type,
        cast(null as varchar) as document_id,
        cast(null as varchar) as document_number,
        account_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as customer_name,
        currency_code,
        amount as value_at_stake,
        amount as expected_amount,
        0 as actual_amount,
        due_on as occurred_on,
        'Step ' || plan_step || ' of ' || step_count || ' was due on ' || due_on
        || ' and no invoice bills it' as reason
    from steps
    where outcome = 'unbilled'

),

voided as (

    select
        'step|' || org_id || '|' || deal_id || '|' || plan_step as record_key,
        'VOIDED_AFTER_BILLING' as mismatch_class,
        predecessor.company_id,
        org_id,
        deal_id,
        plan_step,
        'invoice' as document_type,
        predecessor.invoice_id as document_id,
        predecessor.document_number,
        account_id,
        predecessor.customer_id,
        predecessor.customer_name,
        currency_code,
        amount as value_at_stake,
        amount as expected_amount,
        0 as actual_amount,
        due_on as occurred_on,
        'The invoice of step ' || plan_step || ' was '
        || case when predecessor.is_deleted then 'deleted' else 'voided' end
        || ' and nothing replaces it' as reason
    from steps
    where outcome = 'voided'

),

-- Both directions hang on the invoice that bills the step, so that a worse finding about that
-- invoice takes the value and these become flags.
differing as (

    select
        'invoice|' || main_document.company_id || '|' || main_document.invoice_id as record_key,
        {{ class_of_difference() }} as mismatch_class,
        main_document.company_id,
        org_id,
        deal_id,
        plan_step,
        'invoice' as document_type,
        main_document.invoice_id as document_id,
        main_document.document_number,
        account_id,
        main_document.customer_id,
        main_document.customer_name,
        currency_code,
        {{ value_of_difference() }} as value_at_stake,
        amount as expected_amount,
        case
            when invoiced_amount < amount then invoiced_amount else net_invoiced_amount
        end as actual_amount,
        first_invoice_on as occurred_on,
        case
            when invoiced_amount < amount then 'Billed less than the plan step'
            else 'Billed more than the plan step'
        end as reason
    from steps
    where {{ differs_from_plan() }}

),

credited as (

    select
        credits.document_type || '|' || credits.company_id || '|' || credits.document_id
            as record_key,
        'CREDITED_AFTER_BILLING' as mismatch_class,
        credits.company_id,
        credits.org_id,
        credits.deal_id,
        credits.plan_step,
        credits.document_type,
        credits.document_id,
        credits.document_number,
        steps.account_id,
        credits.customer_id,
        credits.customer_name,
        credits.currency_code,
        credits.credited_amount as value_at_stake,
        steps.amount as expected_amount,
        steps.net_invoiced_amount as actual_amount,
        credits.credited_on as occurred_on,
        'Credited after billing; the deal still promises the full amount' as reason
    from credits
    inner join steps
        on
            credits.org_id = steps.org_id
            and credits.deal_id = steps.deal_id
            and credits.plan_step = steps.plan_step
    where {{ is_credited_below_plan() }}

),

-- A finding about the deal itself belongs to its step only where there is just one.
deals_stepped as (

    select
        deals.*,
        all_steps.plan_step as only_step
    from deals
    left join all_steps
        on
            deals.org_id = all_steps.org_id
            and deals.deal_id = all_steps.deal_id
            and all_steps.step_count = 1

),

headers as (

    select
        'deal|' || org_id || '|' || deal_id as record_key,
        'HEADER_LINE_MISMATCH' as mismatch_class,
        company_id,
        org_id,
        deal_id,
        only_step as plan_step,
        cast(null as varchar) as document_type,
        cast(null as varchar) as document_id,
        cast(null as varchar) as document_number,
        account_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as customer_name,
        currency_code,
        abs(header_amount - line_amount) as value_at_stake,
        line_amount as expected_amount,
        header_amount as actual_amount,
        closed_on as occurred_on,
        'The amount says ' || header_amount || ', the lines add up to ' || line_amount as reason
    from deals_stepped
    where
        is_billable
        and line_count > 0
        -- Some orgs take the deal's own discount off its amount, others do not.
        and least(abs(header_amount - line_amount), abs(header_amount - basis_amount))
        > {{ no_difference('line_amount', 'line_count') }}

),

-- Since when both systems could say the same: the last change of an invoice of the deal, or the
-- day from which it is overdue.
statuses_settled as (

    select
        links.org_id,
        links.deal_id,
        max(greatest(
            invoices.modified_at,
            invoices.deleted_at,
            case
                when invoices.balance > 0 and invoices.due_on < clock.as_of_on
                    then timezone('UTC', cast(invoices.due_on + 1 as timestamp))
            end
        )) as settled_at
    from {{ ref('int_invoices__linked_to_deals') }} as links
    inner join {{ ref('stg_quickbooks__invoices') }} as invoices
        on links.company_id = invoices.company_id and links.invoice_id = invoices.invoice_id
    cross join clock
    where links.is_usable
    group by links.org_id, links.deal_id

),

statuses_drifted as (

    select
        'status|' || deals.org_id || '|' || deals.deal_id as record_key,
        'STATUS_DRIFT' as mismatch_class,
        deals.company_id,
        deals.org_id,
        deals.deal_id,
        cast(null as integer) as plan_step,
        cast(null as varchar) as document_type,
        cast(null as varchar) as document_id,
        cast(null as varchar) as document_number,
        deals.account_id,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as customer_name,
        deals.currency_code,
        0 as value_at_stake,
        deal_statuses.amount_due as expected_amount,
        deal_statuses.current_amount_due as actual_amount,
        -- Not the day it is due, which may be to come: since when both could say the same. A deal
        -- that is won later than its invoice was written had nothing to say before.
        greatest(
            cast(timezone('UTC', statuses_settled.settled_at) as date), deals.closed_on
        ) as occurred_on,
        'Salesforce says ' || coalesce(deal_statuses.current_invoice_status, 'nothing')
        || ', QuickBooks ' || deal_statuses.invoice_status as reason
    from deal_statuses
    inner join deals
        on deal_statuses.org_id = deals.org_id and deal_statuses.deal_id = deals.deal_id
    left join statuses_settled
        on
            deal_statuses.org_id = statuses_settled.org_id
            and deal_statuses.deal_id = statuses_settled.deal_id
    cross join clock
    where
        deal_statuses.is_changed
        and (
            statuses_settled.settled_at is null
            or statuses_settled.settled_at
            < clock.as_of_at - to_hours({{ var('status_sync_hours', 24) }})
        )

),

-- Within the tolerance a difference is no finding, but it is totalled.
rounded as (

    select
        'invoice|' || main_document.company_id || '|' || main_document.invoice_id as record_key,
        'SHIPPING_OR_ROUNDING' as mismatch_class,
        main_document.company_id,
        org_id,
        deal_id,
        plan_step,
        'invoice' as document_type,
        main_document.invoice_id as document_id,
        main_document.document_number,
        account_id,
        main_document.customer_id,
        main_document.customer_name,
        currency_code,
        abs(amount - invoiced_amount) as value_at_stake,
        amount as expected_amount,
        invoiced_amount as actual_amount,
        first_invoice_on as occurred_on,
        'Rounded otherwise than the deal' as reason
    from steps
    where
        outcome = 'invoiced'
        and invoiced_amount != amount
        and abs(amount - invoiced_amount) <= tolerance

),

unapplied_payments as (

    select
        'payment|' || payments.company_id || '|' || payments.payment_id as record_key,
        'UNAPPLIED_PAYMENT' as mismatch_class,
        payments.company_id,
        cast(null as varchar) as org_id,
        cast(null as varchar) as deal_id,
        cast(null as integer) as plan_step,
        'payment' as document_type,
        payments.payment_id as document_id,
        payments.payment_reference as document_number,
        cast(null as varchar) as account_id,
        payments.customer_id,
        payments.customer_name,
        payments.currency_code,
        payments.unapplied_amount as value_at_stake,
        customers_owing.open_balance as expected_amount,
        payments.total_amount as actual_amount,
        payments.paid_on as occurred_on,
        'Not applied although the customer has open invoices' as reason
    from payments
    inner join customers_owing
        on
            payments.company_id = customers_owing.company_id
            and payments.customer_id = customers_owing.customer_id
            and payments.currency_code = customers_owing.currency_code
    where payments.unapplied_amount > 0

),

unapplied_credits as (

    select
        credits_net.document_type || '|' || credits_net.company_id || '|'
        || credits_net.document_id as record_key,
        'UNAPPLIED_CREDIT' as mismatch_class,
        credits_net.company_id,
        cast(null as varchar) as org_id,
        cast(null as varchar) as deal_id,
        cast(null as integer) as plan_step,
        credits_net.document_type,
        credits_net.document_id,
        credits_net.document_number,
        cast(null as varchar) as account_id,
        credits_net.customer_id,
        credits_net.customer_name,
        credits_net.currency_code,
        credits_net.remaining_credit as value_at_stake,
        customers_owing.open_balance as expected_amount,
        credits_net.gross_amount as actual_amount,
        credits_net.credited_on as occurred_on,
        'Not applied although the customer has open invoices' as reason
    from credits_net
    inner join customers_owing
        on
            credits_net.company_id = customers_owing.company_id
            and credits_net.customer_id = customers_owing.customer_id
            and credits_net.currency_code = customers_owing.currency_code
    where credits_net.remaining_credit > 0

),

combined as (

    select * from excluded
    union all
    select * from unbilled
    union all
    select * from voided
    union all
    select * from differing
    union all
    select * from credited
    union all
    select * from headers
    union all
    select * from unapplied_payments
    union all
    select * from unapplied_credits
    union all
    select * from statuses_drifted
    union all
    select * from rounded

),

final as (

    select
        * replace (
            cast(value_at_stake as decimal(18, 2)) as value_at_stake,
            cast(expected_amount as decimal(18, 2)) as expected_amount,
            cast(actual_amount as decimal(18, 2)) as actual_amount
        )
    from combined

)

select * from final
