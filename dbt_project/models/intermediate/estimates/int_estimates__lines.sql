-- What each line of an estimate is in Salesforce: product, quantity, price and amount. Quantity and
-- price are kept where Salesforce can hold them (two decimals each) and their product is the
-- amount; otherwise one piece costs it all.
with

lines_net as (

    select * from {{ ref('int_estimates__lines_net') }}

),

lines as (

    select * from {{ ref('stg_quickbooks__estimate_lines') }}

),

-- An item that stands for several products says nothing about which of them is meant.
products as (

    select
        company_id,
        item_id,
        min(org_id) as org_id,
        min(product_id) as product_id
    from {{ ref('int_products__linked') }}
    group by company_id, item_id
    having count(*) = 1

),

lines_joined as (

    select
        lines_net.company_id,
        lines_net.estimate_id,
        lines_net.line_number,
        lines_net.item_id,
        products.org_id,
        products.product_id,
        lines.description,
        lines.service_on,
        lines_net.net_amount as amount,
        lines.quantity,
        lines.unit_price,
        coalesce(
            lines.quantity > 0
            and round(lines.quantity, 2) = lines.quantity
            and round(lines.unit_price, 2) = lines.unit_price
            and round(
                cast(round(lines.quantity, 2) as decimal(18, 2))
                * cast(round(lines.unit_price, 2) as decimal(18, 2)), 2
            ) = lines_net.net_amount,
            false
        ) as is_kept
    from lines_net
    inner join lines
        on
            lines_net.company_id = lines.company_id
            and lines_net.estimate_id = lines.estimate_id
            and lines_net.line_number = lines.line_number
    left join products
        on lines_net.company_id = products.company_id and lines_net.item_id = products.item_id

),

final as (

    select
        company_id,
        estimate_id,
        cast(line_number as integer) as line_number,
        item_id,
        org_id,
        product_id,
        description,
        service_on,
        cast(case when is_kept then quantity else 1 end as decimal(18, 2)) as quantity,
        cast(case when is_kept then unit_price else amount end as decimal(18, 2)) as unit_price,
        amount
    from lines_joined

)

select * from final
