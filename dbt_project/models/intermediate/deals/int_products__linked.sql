-- The one item that stands for a product in a company: where the link is decided, or where we made
-- the item for the product ourselves and nobody said otherwise.
with

matched as (

    select * from {{ ref('matched_products') }}

),

products as (

    select * from {{ judged(ref('stg_salesforce__products')) }}

),

created as (

    select
        products.org_id,
        ledger.record_id as product_id,
        ledger.company_id,
        ledger.remote_id as item_id,
        'confirmed' as match_state,
        cast(1 as decimal(9, 6)) as confidence
    from {{ source('raw_state', 'ledger') }} as ledger
    inner join products on ledger.record_id = products.product_id
    left join matched
        on
            products.org_id = matched.org_id
            and ledger.record_id = matched.product_id
            and ledger.company_id = matched.company_id
            and ledger.remote_id = matched.item_id
            and matched.match_state in ('confirmed', 'manual', 'rejected')
    where
        ledger.flow = 'products'
        and ledger.action = 'create'
        and ledger.status = 'done'
        and matched.product_id is null

),

links as (

    select
        org_id,
        product_id,
        company_id,
        item_id,
        match_state,
        confidence
    from matched
    where {{ usable_link('match_state') }}

    union all

    select * from created

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
