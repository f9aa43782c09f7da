-- Every line, and part of a bundle, is quantity × price to the cent; together they are the invoice.
with

invoices as (

    select * from {{ ref('sync_invoices') }}
    where line_count > 0

),

lines as (

    select * from {{ ref('sync_invoice_lines') }}

),

lines_wrong as (

    select
        deal_id,
        plan_step,
        'line ' || line_number as problem
    from lines
    where round(cast(quantity as decimal(38, 6)) * unit_price, 2) != amount

),

lines_summed as (

    select
        org_id,
        deal_id,
        plan_step,
        sum(amount) as amount,
        count(distinct line_number) filter (where line_kind = 'item') as lines
    from lines
    group by org_id, deal_id, plan_step

),

invoices_wrong as (

    select
        invoices.deal_id,
        invoices.plan_step,
        'lines do not add up' as problem
    from invoices
    left join lines_summed
        on
            invoices.org_id = lines_summed.org_id
            and invoices.deal_id = lines_summed.deal_id
            and invoices.plan_step = lines_summed.plan_step
    where
        invoices.amount is distinct from lines_summed.amount
        or invoices.line_count is distinct from lines_summed.lines

)

select * from lines_wrong
union all
select * from invoices_wrong
