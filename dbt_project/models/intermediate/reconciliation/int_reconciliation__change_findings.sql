-- What is not any more what it was: a deal that was changed after it was billed, an invoice that
-- says something else than Crossfoot wrote, a tax that is not the one to be expected, and anything
-- that was changed under a signature.
with

documents as (

    select * from {{ ref('int_reconciliation__documents') }}

),

-- One row per invoice: with the deal of its largest part.
invoices_told as (

    select
        company_id,
        invoice_id,
        arg_max(
            struct_pack(
                org_id := org_id,
                deal_id := deal_id,
                plan_step := plan_step,
                account_id := coalesce(deal_account_id, customer_account_id),
                customer_id := customer_id,
                customer_name := customer_name,
                document_number := document_number,
                currency_code := currency_code,
                invoice_on := invoice_on
            ),
            (amount, deal_id, plan_step)
        ) as told
    from documents
    group by company_id, invoice_id

),

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

snapshots as (

    select * from {{ ref('int_deals__billed_snapshots') }}

),

edited as (

    select * from {{ ref('int_invoices__edited') }}

),

taxed as (

    select * from {{ ref('int_invoices__taxed') }}

),

changes_signed as (

    select * from {{ ref('changes_after_sign_off') }}

),

deals_changed as (

    select
        'invoice|' || company_id || '|' || invoice_id as record_key,
        'DEAL_CHANGED_AFTER_INVOICE' as mismatch_class,
        company_id,
        org_id,
        deal_id,
        plan_step,
        'invoice' as document_type,
        invoice_id as document_id,
        document_number,
        account_id,
        customer_id,
        customer_name,
        currency_code,
        abs(amount_now - amount_then) as value_at_stake,
        amount_now as expected_amount,
        amount_then as actual_amount,
        invoice_on as occurred_on,
        case
            when is_from_ledger then 'The step was ' || amount_then || ' when Crossfoot billed it'
            else 'The deal was worth ' || amount_then || ' when it was billed last'
        end
        || ' and is ' || amount_now || ' now' as reason
    from snapshots
    where abs(amount_now - amount_then) > {{ tolerance('amount_now') }}

),

invoices_edited as (

    select
        'invoice|' || edited.company_id || '|' || edited.invoice_id as record_key,
        'INVOICE_EDITED_AFTER_PUSH' as mismatch_class,
        edited.company_id,
        invoices_told.told.org_id,
        invoices_told.told.deal_id,
        invoices_told.told.plan_step,
        'invoice' as document_type,
        edited.invoice_id as document_id,
        invoices_told.told.document_number,
        invoices_told.told.account_id,
        invoices_told.told.customer_id,
        invoices_told.told.customer_name,
        invoices_told.told.currency_code,
        abs(edited.line_amount - edited.written_amount) as value_at_stake,
        edited.written_amount as expected_amount,
        edited.line_amount as actual_amount,
        invoices_told.told.invoice_on as occurred_on,
        'Not as Crossfoot wrote it: ' || array_to_string(edited.parts, ', ') as reason
    from edited
    inner join invoices_told
        on
            edited.company_id = invoices_told.company_id
            and edited.invoice_id = invoices_told.invoice_id

),

-- Only where the net is right: otherwise the tax follows from a difference that is told already.
taxes_differing as (

    select
        'invoice|' || taxed.company_id || '|' || taxed.invoice_id as record_key,
        'TAX_DIFFERENCE' as mismatch_class,
        taxed.company_id,
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        'invoice' as document_type,
        taxed.invoice_id as document_id,
        steps.main_document.document_number,
        steps.account_id,
        steps.main_document.customer_id,
        steps.main_document.customer_name,
        steps.currency_code,
        coalesce(abs(taxed.expected_tax_amount - taxed.tax_amount), 0) as value_at_stake,
        taxed.expected_tax_amount as expected_amount,
        taxed.tax_amount as actual_amount,
        steps.first_invoice_on as occurred_on,
        case
            when taxed.lines_differing > 0
                then
                    taxed.lines_differing || ' line(s) without the tax code '
                    || taxed.expected_code
            else 'The rates of tax code ' || taxed.expected_code || ' give another amount'
        end as reason
    from taxed
    inner join steps
        on
            taxed.company_id = steps.main_document.company_id
            and taxed.invoice_id = steps.main_document.invoice_id
    where
        steps.outcome = 'invoiced'
        and abs(steps.invoiced_amount - steps.amount) <= steps.tolerance
        and (
            taxed.lines_differing > 0
            or abs(taxed.expected_tax_amount - taxed.tax_amount)
            > {{ rounding('taxed.line_count', 'steps') }}
        )
    -- An invoice that bills several steps is told once.
    qualify row_number() over (
        partition by taxed.company_id, taxed.invoice_id order by steps.deal_id, steps.plan_step
    ) = 1

),

changed_signed as (

    select
        changes_signed.record_type || '|'
        || coalesce(changes_signed.company_id, changes_signed.org_id) || '|'
        || changes_signed.record_id as record_key,
        'CHANGED_AFTER_SIGNOFF' as mismatch_class,
        changes_signed.company_id,
        coalesce(changes_signed.org_id, invoices_told.told.org_id) as org_id,
        case
            when changes_signed.record_type = 'deal' then changes_signed.record_id
            else invoices_told.told.deal_id
        end as deal_id,
        invoices_told.told.plan_step,
        case when changes_signed.record_type != 'deal' then changes_signed.record_type end
            as document_type,
        case when changes_signed.record_type != 'deal' then changes_signed.record_id end
            as document_id,
        case when changes_signed.record_type != 'deal' then changes_signed.record_number end
            as document_number,
        invoices_told.told.account_id,
        invoices_told.told.customer_id,
        invoices_told.told.customer_name,
        changes_signed.currency_code,
        abs(changes_signed.difference) as value_at_stake,
        changes_signed.amount_then as expected_amount,
        changes_signed.amount_now as actual_amount,
        coalesce(changes_signed.dated_now, changes_signed.dated_then) as occurred_on,
        'Week ' || changes_signed.week || ' was signed with ' || changes_signed.amount_then
        || '; it is ' || changes_signed.amount_now || ' now (' || changes_signed.change || ')'
            as reason
    from changes_signed
    left join invoices_told
        on
            changes_signed.record_type = 'invoice'
            and changes_signed.company_id = invoices_told.company_id
            and changes_signed.record_id = invoices_told.invoice_id

),

combined as (

    select * from deals_changed
    union all
    select * from invoices_edited
    union all
    select * from taxes_differing
    union all
    select * from changed_signed

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
