-- What an item costs in its company's home currency. A bundle has no price of its own: it costs
-- what its components cost. An item without a price has none here: zero is what QuickBooks gives an
-- item that nobody priced.
with

items as (
    select * from {{ ref('stg_quickbooks__items') }}
),

components as (
    select * from {{ ref('stg_quickbooks__item_components') }}
),

bundles as (
    select
        components.company_id,
        components.item_id,
        sum(
            cast(components.quantity as decimal(18, 6)) * cast(parts.unit_price as decimal(18, 7))
        ) as unit_price,
        bool_and(coalesce(parts.unit_price, 0) > 0) as is_whole
    from components
    left join items as parts
        on
            components.company_id = parts.company_id
            and components.component_item_id = parts.item_id
    group by components.company_id, components.item_id
),

final as (
    select
        items.company_id,
        items.item_id,
        cast(
            case
                when items.item_type = 'Group' and bundles.is_whole then bundles.unit_price
                when items.item_type = 'Group' then null
                else nullif(items.unit_price, 0)
            end as decimal(18, 7)
        ) as unit_price
    from items
    left join bundles
        on items.company_id = bundles.company_id and items.item_id = bundles.item_id
)

select * from final
where unit_price is not null
