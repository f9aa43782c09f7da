-- What each deal was worth when it was billed last, beside what it is worth now. Of an invoice that
-- Crossfoot wrote, the ledger knows what the step was billed for; of any other, Salesforce's own
-- history of the deal knows its amount at the moment the document was made. A credit counts like an
-- invoice: it is how a deal that became smaller is put right.
with

documents as (

    select * from {{ ref('int_reconciliation__documents') }}
    where deal_id is not null and {{ is_billing() }}

),

credits as (

    select * from {{ ref('int_credits__allocated') }}

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

written as (

    select * from {{ ref('int_invoices__written') }}

),

histories as (

    select
        org_id,
        deal_id,
        amount,
        changed_at
    from {{ judged(ref('stg_salesforce__opportunity_history')) }}
    where amount is not null

),

-- The moment at which the deal was billed, or put right, for the last time.
moments as (

    select
        org_id,
        deal_id,
        max(created_at) as billed_at,
        arg_max(
            struct_pack(
                company_id := company_id,
                invoice_id := invoice_id,
                document_number := document_number,
                customer_id := customer_id,
                customer_name := customer_name,
                currency_code := currency_code,
                invoice_on := invoice_on,
                plan_step := plan_step
            ),
            -- Invoices of one batch are of one second.
            (created_at, try_cast(invoice_id as bigint), invoice_id, plan_step)
        ) as invoice
    from documents
    where created_at is not null
    group by org_id, deal_id

),

credits_last as (

    select
        org_id,
        deal_id,
        max(created_at) as credited_at
    from credits
    group by org_id, deal_id

),

moments_joined as (

    select
        moments.org_id,
        moments.deal_id,
        moments.invoice,
        greatest(moments.billed_at, credits_last.credited_at) as settled_at,
        coalesce(credits_last.credited_at > moments.billed_at, false) as is_credited_last
    from moments
    left join credits_last
        on moments.org_id = credits_last.org_id and moments.deal_id = credits_last.deal_id

),

-- The history's last word before that moment.
moments_valued as (

    select
        moments_joined.*,
        histories.amount as history_amount
    from moments_joined
    asof left join histories
        on
            moments_joined.org_id = histories.org_id
            and moments_joined.deal_id = histories.deal_id
            and moments_joined.settled_at >= histories.changed_at

),

compared as (

    select
        moments_valued.org_id,
        moments_valued.deal_id,
        moments_valued.invoice,
        moments_valued.settled_at,
        deals.account_id,
        written.invoice_id is not null and not moments_valued.is_credited_last as is_from_ledger,
        case
            when is_from_ledger then written.net_amount
            else moments_valued.history_amount
        end as amount_then,
        case when is_from_ledger then steps.amount else deals.header_amount end as amount_now
    from moments_valued
    inner join deals
        on moments_valued.org_id = deals.org_id and moments_valued.deal_id = deals.deal_id
    left join steps
        on
            moments_valued.org_id = steps.org_id
            and moments_valued.deal_id = steps.deal_id
            and moments_valued.invoice.plan_step = steps.plan_step
    left join written
        on
            moments_valued.invoice.company_id = written.company_id
            and moments_valued.invoice.invoice_id = written.invoice_id

),

final as (

    select
        org_id,
        deal_id,
        account_id,
        invoice.company_id,
        invoice.invoice_id,
        invoice.document_number,
        invoice.customer_id,
        invoice.customer_name,
        invoice.currency_code,
        invoice.invoice_on,
        invoice.plan_step,
        settled_at,
        is_from_ledger,
        cast(amount_then as decimal(18, 2)) as amount_then,
        cast(amount_now as decimal(18, 2)) as amount_now
    from compared
    where amount_then is not null and amount_now is not null

)

select * from final
