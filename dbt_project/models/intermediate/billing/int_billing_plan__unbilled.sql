-- Every due step that no invoice bills, with the first reason (other than the customer) that
-- keeps it from being sent. What a person has to settle comes before what settles itself.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * from {{ ref('int_reconciliation__steps') }}
    where is_due and documents = 0

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

deletions as (

    select * from {{ ref('stg_quickbooks__deletions') }}
    where entity = 'Invoice'

),

ledger as (

    select * from {{ source('raw_state', 'ledger') }}
    where flow = 'invoices' and status = 'done'

),

-- The one open estimate of a deal, to be closed by its invoice; and an invoice that a person made
-- of the deal's estimate, which bills the deal whatever else it says.
estimates as (

    select
        org_id,
        deal_id,
        company_id,
        case when count(*) = 1 then min(estimate_id) filter (where is_open) end as estimate_id,
        min(customer_id) as estimate_customer_id,
        min(coalesce(invoice_number, invoice_id)) as invoice_number
    from {{ ref('int_estimates__of_deals') }}
    group by org_id, deal_id, company_id

),

deals_with_invoices as (

    select distinct
        org_id,
        deal_id
    from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating

),

lines_unmapped as (

    select
        org_id,
        deal_id,
        string_agg(distinct unmapped_detail, '; ' order by unmapped_detail) as unmapped_detail
    from {{ ref('int_lines__linked') }}
    where unmapped_detail is not null
    group by org_id, deal_id

),

-- What we wrote ourselves, by the newest generation, and whether it was deleted since.
written as (

    select
        ledger.company_id,
        ledger.record_id as deal_id,
        ledger.plan_step,
        max(ledger.generation) as generation,
        max_by(ledger.remote_id, ledger.generation) as invoice_id,
        max_by(deletions.record_id is not null, ledger.generation) as is_deleted
    from ledger
    left join deletions
        on
            ledger.company_id = deletions.company_id
            and ledger.remote_id = deletions.record_id
    group by ledger.company_id, ledger.record_id, ledger.plan_step

),

parts_counted as (

    select
        org_id,
        deal_id,
        plan_step,
        count(*) as parts
    from {{ ref('int_billing_plan__schedules') }}
    group by org_id, deal_id, plan_step

),

steps_joined as (

    select
        steps.*,
        parts_counted.parts,
        deals.deal_name,
        deals.account_name,
        deals.line_count,
        deals.basis_source,
        deals.po_number,
        case when steps.step_count = 1 then estimates.estimate_id end as estimate_id,
        estimates.estimate_customer_id,
        case
            when deals_with_invoices.deal_id is null then estimates.invoice_number
        end as estimate_invoice_number,
        clock.as_of_at,
        lines_unmapped.unmapped_detail,
        companies.company_id is not null as is_company_known,
        coalesce(companies.is_multi_currency, false)
        or companies.home_currency_code = steps.currency_code as is_currency_enabled,
        coalesce(written.generation, 1) as generation,
        written.invoice_id as written_invoice_id,
        coalesce(written.is_deleted, false) as is_written_deleted
    from steps
    inner join deals on steps.org_id = deals.org_id and steps.deal_id = deals.deal_id
    cross join clock
    left join companies on steps.company_id = companies.company_id
    left join lines_unmapped
        on steps.org_id = lines_unmapped.org_id and steps.deal_id = lines_unmapped.deal_id
    left join estimates
        on
            steps.org_id = estimates.org_id
            and steps.deal_id = estimates.deal_id
            and steps.company_id = estimates.company_id
    left join deals_with_invoices
        on
            steps.org_id = deals_with_invoices.org_id
            and steps.deal_id = deals_with_invoices.deal_id
    left join parts_counted
        on
            steps.org_id = parts_counted.org_id
            and steps.deal_id = parts_counted.deal_id
            and steps.plan_step = parts_counted.plan_step
    left join written
        on
            steps.company_id = written.company_id
            and steps.deal_id = written.deal_id
            and steps.plan_step = written.plan_step

),

steps_judged as (

    select
        *,
        case
            when company_id is null or not is_company_known then 'company_not_routed'
            when
                written_invoice_id is not null
                and not is_written_deleted
                and coalesce(predecessor.invoice_id, '') != written_invoice_id
                then 'written_not_yet_read'
            when outcome = 'undecided' then 'invoice_in_review'
            when estimate_invoice_number is not null then 'estimate_already_invoiced'
            when is_written_deleted or predecessor.is_deleted then 'previous_invoice_deleted'
            when predecessor is not null then 'previous_invoice_voided'
            when due_on < date '{{ var("go_live_on", "2026-10-01") }}' then 'before_go_live'
            when amount <= 0 then 'negative_amount'
            when not is_plan_known then 'billing_plan_unknown'
            when basis_source != 'lines' then 'deal_without_lines'
            when unmapped_detail is not null then 'product_not_mapped'
            when not is_currency_enabled then 'currency_not_enabled'
        end as step_blocked_reason
    from steps_joined

),

final as (

    select
        *,
        case step_blocked_reason
            when 'company_not_routed' then 'No company bills deals in ' || currency_code
            when 'written_not_yet_read'
                then 'Invoice ' || written_invoice_id || ' was written and is not read back yet'
            when 'estimate_already_invoiced'
                then 'The deal''s estimate became invoice ' || estimate_invoice_number
            when 'invoice_in_review'
                then
                    candidates
                    || case when candidates = 1 then ' invoice' else ' invoices' end
                    || ' in review may bill this step'
            when 'previous_invoice_deleted'
                then
                    'A person deleted invoice '
                    || coalesce(predecessor.invoice_id, written_invoice_id)
                    || '; a person has to re-open the step'
            when 'previous_invoice_voided'
                then
                    'Invoice '
                    || coalesce(predecessor.document_number, predecessor.invoice_id)
                    || ' was voided; a person has to re-open the step'
            when 'before_go_live' then 'Due on ' || due_on || ', before the go-live'
            when 'negative_amount' then 'The step amounts to ' || amount
            when 'billing_plan_unknown' then 'The deal''s billing plan is not described'
            when 'deal_without_lines' then 'The deal has an amount and no lines to invoice'
            when 'product_not_mapped' then unmapped_detail
            when 'currency_not_enabled' then 'The company does not bill in ' || currency_code
        end as step_blocked_detail
    from steps_judged

)

select * from final
