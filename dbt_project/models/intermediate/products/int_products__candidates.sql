-- Pairs of a product and an item that share a key, a code, a name or all words of it, with what the
-- names, descriptions and prices say, and how many hold each. Variants of one product (another
-- number, size, colour, tier or billing period) are no candidates of each other.
with

products as (
    select
        org_id,
        product_id,
        item_key,
        {{ code_key('coalesce(product_code, sku)') }} as code_key,
        {{ product_name_key('product_name') }} as name_key,
        {{ product_name_key('description') }} as description_key
    from {{ judged(ref('stg_salesforce__products')) }}
    where not is_deleted
),

-- Categories group items and cannot stand on an invoice line.
items as (
    select
        company_id,
        item_id,
        unit_price,
        {{ code_key('sku') }} as code_key,
        {{ product_name_key('item_name') }} as name_key,
        {{ product_name_key("replace(fully_qualified_name, ':', ' ')") }} as full_name_key,
        {{ product_name_key('description') }} as description_key
    from {{ ref('stg_quickbooks__items') }}
    where is_active and item_type != 'Category'
),

companies as (
    select
        company_id,
        home_currency_code
    from {{ ref('stg_quickbooks__companies') }}
),

prices as (
    select
        org_id,
        product_id,
        currency_code,
        list(distinct unit_price) as unit_prices
    from {{ judged(ref('stg_salesforce__pricebook_entries')) }}
    where is_active
    group by org_id, product_id, currency_code
),

counted_products as (
    select
        *,
        coalesce(string_split(name_key, ' '), []) as words,
        coalesce(string_split(description_key, ' '), []) as description_words,
        count(*) over (partition by org_id, code_key) as code_holders,
        count(*) over (partition by org_id, name_key) as name_holders
    from products
),

counted_items as (
    select
        *,
        coalesce(string_split(name_key, ' '), []) as words,
        coalesce(string_split(description_key, ' '), []) as description_words,
        count(*) over (partition by company_id, code_key) as code_holders,
        count(*) over (partition by company_id, name_key) as name_holders
    from items
),

varied_products as (
    select
        *,
        {{ variant_words('words') }} as variants,
        {{ variant_words('description_words') }} as description_variants,
        nullif(array_to_string({{ base_words('words') }}, ' '), '') as base_key
    from counted_products
),

varied_items as (
    select
        *,
        {{ variant_words('words') }} as variants,
        {{ variant_words('description_words') }} as description_variants,
        nullif(array_to_string({{ base_words('words') }}, ' '), '') as base_key
    from counted_items
),

compared as (
    select
        products.org_id,
        products.product_id,
        items.company_id,
        items.item_id,
        coalesce(products.item_key = items.company_id || ':' || items.item_id, false)
            as has_external_id,
        coalesce(products.code_key = items.code_key, false) as is_same_code,
        coalesce(
            products.name_key = items.name_key or products.name_key = items.full_name_key, false
        ) as is_same_name,
        coalesce(products.base_key = items.base_key, false) as is_same_words,
        -- Codes that differ keep variants of one name apart.
        coalesce(products.code_key != items.code_key, false) as is_other_code,
        -- One name tells more than the other only where both tell a variant and not the same one.
        (
            len(products.variants) > 0
            and len(items.variants) > 0
            and products.variants != items.variants
        )
        or (
            products.variants = items.variants
            and len(products.description_variants) > 0
            and len(items.description_variants) > 0
            and not list_has_any(products.description_variants, items.description_variants)
        ) as is_other_variant,
        case
            when products.description_key is null or items.description_key is null then 'unknown'
            when products.description_key = items.description_key then 'same'
            else 'different'
        end as description_relation,
        case
            when prices.unit_prices is null or coalesce(items.unit_price, 0) = 0 then 'unknown'
            when list_contains(prices.unit_prices, items.unit_price) then 'same'
            else 'different'
        end as price_relation,
        greatest(products.code_holders, items.code_holders) as code_holders,
        greatest(products.name_holders, items.name_holders) as name_holders
    from varied_products as products
    inner join varied_items as items
        on
            products.code_key = items.code_key
            or products.name_key = items.name_key
            or products.name_key = items.full_name_key
            or products.base_key = items.base_key
            or products.item_key = items.company_id || ':' || items.item_id
    inner join companies on items.company_id = companies.company_id
    left join prices
        on
            products.org_id = prices.org_id
            and products.product_id = prices.product_id
            and companies.home_currency_code = prices.currency_code
)

select * from compared
where has_external_id or is_same_code or (is_same_name or is_same_words) and not is_other_variant
