-- The one item that stands for a product in a company, where the link is decided.
with

links as (

    select * from {{ ref('matched_products') }}
    where {{ usable_link('match_state') }}

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}
    where is_active

),

final as (

    select
        links.org_id,
        links.product_id,
        links.company_id,
        items.item_id,
        items.item_name
    from links
    inner join items on links.company_id = items.company_id and links.item_id = items.item_id
    qualify row_number() over (
        partition by links.org_id, links.product_id, links.company_id
        order by links.match_state = 'manual' desc, links.confidence desc, links.item_id asc
    ) = 1

)

select * from final
