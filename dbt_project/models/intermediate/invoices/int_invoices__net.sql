-- One row per invoice, live or not: net of tax and shipping, discount lines subtracted.
with

invoices as (

    select * from {{ ref('stg_quickbooks__invoices') }}

),

lines as (

    select * from {{ ref('stg_quickbooks__invoice_lines') }}

),

-- Lines are summed before they meet the invoice. A subtotal and
-- a bundle's head repeat what counts elsewhere.
lines_summed as (

    select
        company_id,
        invoice_id,
        sum(case when line_type in ('item', 'discount') then amount else 0 end)
            as net_amount,
        sum(case when line_type = 'discount' then -amount else 0 end) as discount_amount,
        count(*) filter (where line_type in ('item', 'discount')) as line_count,
        sum(case when line_type = 'shipping' then amount else 0 end) as shipping_amount,
        md5(
            string_agg(
                concat_ws('|', line_type, item_id, quantity, amount), '/'
                order by line_type, item_id, quantity, amount
            )
        ) as line_signature
    from lines
    where line_type in ('item', 'discount', 'shipping')
    group by company_id, invoice_id

),

final as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.document_number,
        invoices.customer_id,
        invoices.customer_name,
        invoices.currency_code,
        invoices.exchange_rate,
        invoices.invoice_on,
        invoices.due_on,
        invoices.created_at,
        invoices.modified_at,
        invoices.term_id,
        invoices.is_voided,
        invoices.is_deleted,
        not invoices.is_voided and not invoices.is_deleted as is_live,
        cast(coalesce(lines_summed.net_amount, 0) as decimal(18, 2)) as net_amount,
        cast(coalesce(lines_summed.discount_amount, 0) as decimal(18, 2)) as discount_amount,
        cast(coalesce(lines_summed.shipping_amount, 0) as decimal(18, 2)) as shipping_amount,
        cast(coalesce(invoices.tax_amount, 0) as decimal(18, 2)) as tax_amount,
        cast(coalesce(invoices.total_amount, 0) as decimal(18, 2)) as gross_amount,
        cast(coalesce(invoices.balance, 0) as decimal(18, 2)) as balance,
        cast(coalesce(lines_summed.line_count, 0) as integer) as line_count,
        lines_summed.line_signature,
        invoices.private_note,
        invoices.po_reference,
        invoices.deal_reference,
        invoices.estimate_id,
        invoices.bill_email,
        invoices.sync_token
    from invoices
    left join lines_summed
        on
            invoices.company_id = lines_summed.company_id
            and invoices.invoice_id = lines_summed.invoice_id

)

select * from final
