{#-
    The item lines of each sales document after its discount lines: each bears its share of them,
    and together they are the document's net amount to the cent.
-#}
{% macro lines_net(lines, document_key) -%}
with

lines as (

    select * from {{ lines }}
    where line_type in ('item', 'discount')

),

items as (

    select
        *,
        sum(amount) over (partition by company_id, {{ document_key }}) as gross_amount,
        sum(amount) over (
            partition by company_id, {{ document_key }}
            order by line_number
            rows between unbounded preceding and current row
        ) as amount_so_far,
        lead(line_number) over (partition by company_id, {{ document_key }} order by line_number) is null
            as is_last
    from lines
    where line_type = 'item'

),

documents as (

    select
        company_id,
        {{ document_key }},
        sum(amount) as net_amount
    from lines
    group by company_id, {{ document_key }}

),

-- Shares of a running sum: what is rounded at one line is made good at the next.
running as (

    select
        items.company_id,
        items.{{ document_key }},
        items.line_number,
        items.item_id,
        cast(items.amount as decimal(18, 2)) as line_amount,
        cast(case
            when items.gross_amount = documents.net_amount then items.amount_so_far
            -- Lines that cancel out bear no share; a discount all the same is the last one's.
            when items.gross_amount = 0
                then
                    items.amount_so_far
                    + case when items.is_last then documents.net_amount else 0 end
            else
                {{ in_proportion(
                    cents('items.amount_so_far'), cents('documents.net_amount'),
                    cents('items.gross_amount')
                ) }} * 0.01
        end as decimal(18, 2)) as net_so_far
    from items
    inner join documents
        on items.company_id = documents.company_id and items.{{ document_key }} = documents.{{ document_key }}

),

final as (

    select
        company_id,
        {{ document_key }},
        line_number,
        item_id,
        line_amount,
        cast(
            net_so_far - coalesce(lag(net_so_far) over (
                partition by company_id, {{ document_key }} order by line_number
            ), 0) as decimal(18, 2)
        ) as net_amount
    from running

)

select * from final
{%- endmacro %}
