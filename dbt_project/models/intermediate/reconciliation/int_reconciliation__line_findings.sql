-- Where the lines of an invoice differ from the deal's: another item, or another price. Only a
-- step that is the whole deal, on one invoice that bills nothing else and that nothing was
-- credited on, can be held against the deal line by line.
with

all_steps as not materialized (

    select * from {{ ref('int_reconciliation__steps') }}

),

-- By a number of their own: what stands for millions of lines must be narrow.
steps as materialized (

    select
        org_id,
        deal_id,
        plan_step,
        company_id,
        currency_code,
        main_document.company_id as invoice_company_id,
        main_document.invoice_id,
        row_number() over () as step_number
    from all_steps
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

lines_sold as materialized (

    select
        steps.step_number,
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
steps_comparable as (

    select step_number
    from lines_sold
    group by step_number
    having bool_and(item_id is not null)

),

-- A bundle is held against the deal by its head where the deal sold the bundle, by its parts where
-- it sold those.
lines_billed as (

    select
        steps.step_number,
        invoice_lines.line_number,
        invoice_lines.item_id,
        invoice_lines.amount
    from steps
    inner join steps_comparable on steps.step_number = steps_comparable.step_number
    inner join invoice_lines
        on
            steps.invoice_company_id = invoice_lines.company_id
            and steps.invoice_id = invoice_lines.invoice_id
    where
        not exists (
            select 1 from invoices_shared
            where
                invoices_shared.company_id = steps.invoice_company_id
                and invoices_shared.invoice_id = steps.invoice_id
        )
        and (invoice_lines.line_type = 'group') = exists (
            select 1 from lines_sold as bundles_sold
            where
                bundles_sold.step_number = steps.step_number
                and bundles_sold.item_id = invoice_lines.bundle_item_id
        )

),

-- Most lines cost what the deal says to the cent: they are gone before anything is measured.
lines_unlike as (

    select * from lines_billed
    where
        not exists (
            select 1 from lines_sold
            where
                lines_sold.step_number = lines_billed.step_number
                and lines_sold.item_id = lines_billed.item_id
                and lines_sold.net_amount = lines_billed.amount
        )

),

lines_measured as (

    select
        lines_unlike.step_number,
        lines_unlike.line_number,
        lines_unlike.item_id,
        lines_unlike.amount,
        min(least(
            abs(lines_unlike.amount - lines_sold.net_amount),
            -- Where discounts are lines of their own: of the deal, or all of them.
            abs(lines_unlike.amount - lines_sold.total_price),
            abs(lines_unlike.amount - lines_sold.list_amount)
        )) as difference
    from lines_unlike
    left join lines_sold
        on
            lines_unlike.step_number = lines_sold.step_number
            and lines_unlike.item_id = lines_sold.item_id
    group by all

),

lines_differing as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        case
            when lines_measured.difference is null then 'WRONG_PRODUCT'
            else 'WRONG_PRICE_OR_DISCOUNT'
        end as mismatch_class,
        coalesce(sum(lines_measured.difference), 0) as difference,
        count(*) as lines
    from lines_measured
    inner join steps on lines_measured.step_number = steps.step_number
    where
        lines_measured.difference is null
        or lines_measured.difference > {{ no_difference('lines_measured.amount', 1, 'steps') }}
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
    inner join all_steps as steps
        on
            lines_differing.org_id = steps.org_id
            and lines_differing.deal_id = steps.deal_id
            and lines_differing.plan_step = steps.plan_step
    where
        lines_differing.mismatch_class != 'WRONG_PRODUCT'
        or abs(steps.invoiced_amount - steps.amount) <= steps.tolerance

)

select * from final
