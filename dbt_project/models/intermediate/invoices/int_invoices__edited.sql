-- Invoices that Crossfoot wrote and that say something else now, with what was changed. A customer
-- that was merged is the one it was merged into.
with

written as (

    select * from {{ ref('int_invoices__written') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

lines as (

    select * from {{ ref('stg_quickbooks__invoice_lines') }}
    where line_type in ('item', 'discount', 'shipping')

),

merged_customers as (

    select * from {{ ref('int_customers__merged') }}

),

lines_summed as (

    select
        lines.company_id,
        lines.invoice_id,
        sum(lines.amount) as line_amount,
        list_sort(list(concat_ws(
            '|', lines.item_id, lines.amount, cast(lines.quantity as decimal(28, 6))
        ))) as line_signature,
        list_sort(list({{ words_of('lines.description') }})) as descriptions
    from lines
    inner join written
        on lines.company_id = written.company_id and lines.invoice_id = written.invoice_id
    group by lines.company_id, lines.invoice_id

),

compared as (

    select
        written.company_id,
        written.invoice_id,
        written.net_amount as written_amount,
        coalesce(lines_summed.line_amount, 0) as line_amount,
        list_filter([
            case
                when
                    invoices.customer_id
                    is distinct from coalesce(merged_customers.survivor_id, written.customer_id)
                    and invoices.customer_id is distinct from written.customer_id
                    then 'customer'
            end,
            case
                when invoices.currency_code is distinct from written.currency_code
                    then 'currency'
            end,
            case when invoices.invoice_on is distinct from written.invoice_on then 'date' end,
            case
                when
                    written.term_id is not null
                    and invoices.term_id is distinct from written.term_id
                    then 'terms'
            end,
            case
                when lines_summed.line_signature is distinct from written.line_signature
                    then 'lines'
            end,
            case
                when
                    lines_summed.line_signature is not distinct from written.line_signature
                    and lines_summed.descriptions is distinct from written.descriptions
                    then 'descriptions'
            end
        ], lambda part: part is not null) as parts
    from written
    inner join invoices
        on written.company_id = invoices.company_id and written.invoice_id = invoices.invoice_id
    left join lines_summed
        on
            written.company_id = lines_summed.company_id
            and written.invoice_id = lines_summed.invoice_id
    left join merged_customers
        on
            written.company_id = merged_customers.company_id
            and written.customer_id = merged_customers.customer_id

),

final as (

    select
        company_id,
        invoice_id,
        written_amount,
        cast(line_amount as decimal(18, 2)) as line_amount,
        parts
    from compared
    where len(parts) > 0

)

select * from final
