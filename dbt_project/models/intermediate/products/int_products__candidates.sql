-- Pairs of a product and an item that share a code or a name, and how many hold each.
with

products as (
    select
        org_id,
        product_id,
        product_name,
        {{ code_key('coalesce(product_code, sku)') }} as code_key,
        {{ product_name_key('product_name') }} as name_key
    from {{ judged(ref('stg_salesforce__products')) }}
    where not is_deleted
),

-- Categories group items and cannot stand on an invoice line.
items as (
    select
        company_id,
        item_id,
        item_name,
        {{ code_key('sku') }} as code_key,
        {{ product_name_key('item_name') }} as name_key
    from {{ ref('stg_quickbooks__items') }}
    where is_active and item_type != 'Category'
),

counted_products as (
    select
        *,
        count(*) over (partition by org_id, code_key) as code_holders,
        count(*) over (partition by org_id, name_key) as name_holders
    from products
),

counted_items as (
    select
        *,
        count(*) over (partition by company_id, code_key) as code_holders,
        count(*) over (partition by company_id, name_key) as name_holders
    from items
)

select
    products.org_id,
    products.product_id,
    items.company_id,
    items.item_id,
    coalesce(products.code_key = items.code_key, false) as is_same_code,
    coalesce(products.name_key = items.name_key, false) as is_same_name,
    -- Codes that differ keep variants of one name apart.
    coalesce(products.code_key != items.code_key, false) as is_other_code,
    greatest(products.code_holders, items.code_holders) as code_holders,
    greatest(products.name_holders, items.name_holders) as name_holders
from counted_products as products
inner join counted_items as items
    on products.code_key = items.code_key or products.name_key = items.name_key
