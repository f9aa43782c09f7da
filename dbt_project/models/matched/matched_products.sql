{{ config(contract={'enforced': true}) }}

with

decided as (
    select * from {{ ref('int_products__decided') }}
),

products as (
    select * from {{ judged(ref('stg_salesforce__products')) }}
    where not is_deleted
),

items as (
    select * from {{ ref('stg_quickbooks__items') }}
)

select
    decided.org_id,
    decided.product_id,
    products.product_name,
    decided.company_id,
    decided.item_id,
    items.item_name,
    decided.match_state,
    decided.method,
    decided.confidence,
    cast(to_json({
        'same_code': decided.is_same_code,
        'same_name': decided.is_same_name,
        'other_code': decided.is_other_code,
        'other_variant': decided.is_other_variant,
        'description': decided.description_relation,
        'price': decided.price_relation,
        'decided_by': decided.decided_by
    }) as varchar) as evidence
from decided
inner join products
    on decided.org_id = products.org_id and decided.product_id = products.product_id
inner join items
    on decided.company_id = items.company_id and decided.item_id = items.item_id
