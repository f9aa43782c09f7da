-- Where the lines of an invoice differ from the deal's: another item, or another price. Only a
-- step that is the whole deal, on one invoice that bills nothing else and that nothing was
-- credited on, can be held against the deal line by line.
with

steps as (

    select * from {{ ref('int_reconciliation__steps') }}
    where
        outcome = 'invoiced' and step_count = 1 and documents = 1 and credited_amount = 0

),

deal_lines as (

    select * from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted

),

deal_lines_worth as (

    select * from {{ ref('int_deals__lines') }}

),

items as (

    select * from {{ ref('int_lines__linked') }}

),

invoice_lines as (

    select * from {{ ref('stg_quickbooks__invoice_lines') }} as all_lines
    where
        line_type in ('item', 'group')
        -- A discount of its own is no product; what it takes off is the whole invoice's.
        and not exists (
            select 1 from {{ ref('int_discounts__ruled') }} as discounts
            where
                discounts.company_id = all_lines.company_id
                and discounts.item_id = all_lines.item_id
                and all_lines.amount < 0
        )

),

invoices_shared as (

    select
        company_id,
        invoice_id
    from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating
    group by company_id, invoice_id
    having count(*) > 1

),

lines_sold as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        items.item_id,
        deal_lines_worth.amount as net_amount,
        deal_lines_worth.total_price,
        round(
            cast(deal_lines.quantity as decimal(20, 6))
            * cast(deal_lines.unit_price as decimal(18, 7)), 2
        ) as list_amount
    from steps
    inner join deal_lines
        on steps.org_id = deal_lines.org_id and steps.deal_id = deal_lines.deal_id
    inner join deal_lines_worth
        on
            deal_lines.org_id = deal_lines_worth.org_id
            and deal_lines.line_id = deal_lines_worth.line_id
    left join items
        on
            deal_lines.org_id = items.org_id
            and deal_lines.line_id = items.line_id
            and steps.company_id = items.company_id

),

-- A deal with a product that has no item cannot be compared.
deals_comparable as (

    select
        org_id,
        deal_id,
        plan_step
    from lines_sold
    group by org_id, deal_id, plan_step
    having bool_and(item_id is not null)

),

-- A bundle is held against the deal by its head where the deal sold the bundle, by its parts where
-- it sold those.
bundles_sold as (

    select distinct
        org_id,
        deal_id,
        plan_step,
        item_id
    from lines_sold

),

lines_billed as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        steps.company_id,
        steps.currency_code,
        invoice_lines.line_number,
        invoice_lines.item_id,
        invoice_lines.amount,
        min(least(
            abs(invoice_lines.amount - lines_sold.net_amount),
            -- Where discounts are lines of their own: of the deal, or all of them.
            abs(invoice_lines.amount - lines_sold.total_price),
            abs(invoice_lines.amount - lines_sold.list_amount)
        )) as difference
    from steps
    inner join deals_comparable
        on
            steps.org_id = deals_comparable.org_id
            and steps.deal_id = deals_comparable.deal_id
    inner join invoice_lines
        on
            steps.main_document.company_id = invoice_lines.company_id
            and steps.main_document.invoice_id = invoice_lines.invoice_id
    left join invoices_shared
        on
            invoice_lines.company_id = invoices_shared.company_id
            and invoice_lines.invoice_id = invoices_shared.invoice_id
    left join lines_sold
        on
            steps.org_id = lines_sold.org_id
            and steps.deal_id = lines_sold.deal_id
            and invoice_lines.item_id = lines_sold.item_id
    left join bundles_sold
        on
            steps.org_id = bundles_sold.org_id
            and steps.deal_id = bundles_sold.deal_id
            and steps.plan_step = bundles_sold.plan_step
            and invoice_lines.bundle_item_id = bundles_sold.item_id
    where
        invoices_shared.invoice_id is null
        and (invoice_lines.line_type = 'group') = (bundles_sold.item_id is not null)
    group by all

),

lines_differing as (

    select
        org_id,
        deal_id,
        plan_step,
        case when difference is null then 'WRONG_PRODUCT' else 'WRONG_PRICE_OR_DISCOUNT' end
            as mismatch_class,
        coalesce(sum(difference), 0) as difference,
        count(*) as lines
    from lines_billed
    where difference is null or difference > {{ no_difference('amount', 1) }}
    group by all

),

final as (

    select
        'invoice|' || steps.main_document.company_id || '|' || steps.main_document.invoice_id
            as record_key,
        lines_differing.mismatch_class,
        steps.main_document.company_id,
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        'invoice' as document_type,
        steps.main_document.invoice_id as document_id,
        steps.main_document.document_number,
        steps.account_id,
        steps.main_document.customer_id,
        steps.main_document.customer_name,
        steps.currency_code,
        cast(lines_differing.difference as decimal(18, 2)) as value_at_stake,
        steps.amount as expected_amount,
        steps.invoiced_amount as actual_amount,
        steps.first_invoice_on as occurred_on,
        case lines_differing.mismatch_class
            when 'WRONG_PRODUCT'
                then lines_differing.lines || ' line(s) bill an item that the deal does not have'
            else
                lines_differing.lines
                || ' line(s) cost neither the deal''s price nor its list price'
        end as reason
    from lines_differing
    inner join steps
        on
            lines_differing.org_id = steps.org_id
            and lines_differing.deal_id = steps.deal_id
            and lines_differing.plan_step = steps.plan_step
    where
        lines_differing.mismatch_class != 'WRONG_PRODUCT'
        or abs(steps.invoiced_amount - steps.amount) <= steps.tolerance

)

select * from final
