-- Items to be made for products that a company sells and has no item for, and items whose fields
-- that Salesforce owns differ. Made is what a rule of seeds/item_rules.csv fits; a product that
-- none fits, or that may be an item already, is blocked with the reason.
with

owners as (

    {{ field_rules('products', ['sku', 'description']) }}

),

products as (

    select * from {{ judged(ref('stg_salesforce__products')) }}
    where not is_deleted and is_active

),

entries as (

    select * from {{ judged(ref('stg_salesforce__pricebook_entries')) }}
    where not is_deleted and is_active

),

books as (

    select * from {{ judged(ref('stg_salesforce__pricebooks')) }}

),

companies as (

    select
        company_id,
        home_currency_code
    from {{ ref('stg_quickbooks__companies') }}

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}

),

accounts as (

    select * from {{ ref('stg_quickbooks__accounts') }}

),

links as (

    select * from {{ ref('int_products__linked') }}

),

rules as (

    select * from {{ ref('item_rules') }}

),

waiting as (

    select
        org_id,
        product_id,
        company_id,
        string_agg(item_name, ', ' order by confidence desc, item_id) as item_names
    from {{ ref('matched_products') }}
    where match_state in ('suggested', 'ambiguous')
    group by org_id, product_id, company_id

),

written as (

    select * from {{ ref('int_products__written') }}

),

item_versions as (

    {{ versions_of('history_quickbooks', 'item', {
        'company_id': 'varchar', 'id': 'varchar', 'payload': 'varchar'
    }) }}

),

items_known as (

    select
        company_id,
        id as item_id,
        known_from,
        coalesce(json_extract_string(payload, '$.Sku'), '') as sku,
        coalesce(json_extract_string(payload, '$.Description'), '') as description
    from item_versions

),

first_items as (

    select
        company_id,
        item_id,
        arg_min({{ text_key('sku') }}, known_from) as sku,
        arg_min({{ text_key('description') }}, known_from) as description
    from items_known
    group by company_id, item_id

),

product_versions as (

    {{ versions_of('history_salesforce', 'product2', {
        'id': 'varchar', 'product_code': 'varchar', 'stock_keeping_unit': 'varchar',
        'description': 'varchar'
    }) }}

),

product_history as (

    select
        id as product_id,
        list({
            'value': {{ text_key("coalesce(nullif(stock_keeping_unit, ''), product_code)") }},
            'known_to': known_to
        }) as skus,
        list({ 'value': {{ text_key('description') }}, 'known_to': known_to }) as descriptions
    from product_versions
    group by id

),

-- A company sells what has a price in its own currency; of several the standard book's counts.
sold as (

    select
        products.org_id,
        products.product_id,
        companies.company_id,
        any_value(companies.home_currency_code) as currency_code,
        arg_min(entries.unit_price, case when books.is_standard then 0 else 1 end) as unit_price
    from products
    inner join entries
        on products.org_id = entries.org_id and products.product_id = entries.product_id
    inner join companies on entries.currency_code = companies.home_currency_code
    left join books on entries.org_id = books.org_id and entries.pricebook_id = books.pricebook_id
    group by products.org_id, products.product_id, companies.company_id

),

unlinked as (

    select
        sold.*,
        products.product_name,
        left(trim(regexp_replace(replace(products.product_name, ':', ' -'), '\s+', ' ', 'g')), 100)
            as item_name,
        coalesce(products.sku, products.product_code) as sku,
        products.description,
        products.family,
        products.product_code
    from sold
    inner join products
        on sold.org_id = products.org_id and sold.product_id = products.product_id
    left join links
        on
            sold.org_id = links.org_id
            and sold.product_id = links.product_id
            and sold.company_id = links.company_id
    where links.item_id is null

),

ruled as (

    select
        unlinked.*,
        rules.item_type,
        rules.income_account_name,
        rules.is_taxable
    from unlinked
    left join rules
        on
            unlinked.company_id = rules.company_id
            and (rules.family is null or unlinked.family = rules.family)
            and (
                rules.code_pattern is null
                or regexp_matches(coalesce(unlinked.product_code, ''), rules.code_pattern)
            )
    qualify row_number() over (
        partition by unlinked.org_id, unlinked.product_id, unlinked.company_id
        order by rules.priority nulls last, rules.item_type
    ) = 1

),

names_taken as (

    select
        company_id,
        lower(item_name) as name_key,
        min(case when is_active then '' else 'inactive ' end || item_type) as taken_by
    from items
    where item_name = fully_qualified_name
    group by company_id, lower(item_name)

),

creates as (

    select
        ruled.org_id,
        ruled.product_id,
        ruled.product_name,
        ruled.company_id,
        'create' as action,
        ruled.item_name,
        ruled.sku,
        ruled.description,
        ruled.item_type,
        accounts.account_id as income_account_id,
        cast(ruled.unit_price as decimal(18, 7)) as unit_price,
        ruled.is_taxable,
        case
            when waiting.item_names is not null then 'product_in_review'
            when ruled.item_type is null then 'item_rule_missing'
            when ruled.item_type = 'Group' then 'bundle_made_by_hand'
            when coalesce(ruled.item_name, '') = '' then 'name_missing'
            when names_taken.name_key is not null then 'item_name_taken'
            when
                row_number() over (
                    partition by ruled.company_id, lower(ruled.item_name) order by ruled.product_id
                ) > 1
                then 'item_name_taken'
            when accounts.account_id is null then 'income_account_missing'
        end as blocked_reason,
        case
            when waiting.item_names is not null
                then 'it may be ' || waiting.item_names || '; decide with `crossfoot match queue`'
            when ruled.item_type is null
                then
                    'no rule of seeds/item_rules.csv fits family '
                    || coalesce(ruled.family, '(none)') || ' in company ' || ruled.company_id
                    || '; add one, or make the item by hand'
            when ruled.item_type = 'Group'
                then 'the API makes no bundle; make it in QuickBooks under this name'
            when coalesce(ruled.item_name, '') = '' then 'the product has no name'
            when names_taken.name_key is not null
                then
                    names_taken.taken_by || ' ' || ruled.item_name
                    || ' has this name; rename one, or link them'
            when
                row_number() over (
                    partition by ruled.company_id, lower(ruled.item_name) order by ruled.product_id
                ) > 1
                then 'another new product has this name'
            when accounts.account_id is null
                then
                    'seeds/item_rules.csv wants the income account '
                    || ruled.income_account_name || ', which company ' || ruled.company_id
                    || ' does not have in use'
        end as blocked_detail
    from ruled
    left join waiting
        on
            ruled.org_id = waiting.org_id
            and ruled.product_id = waiting.product_id
            and ruled.company_id = waiting.company_id
    left join names_taken
        on
            ruled.company_id = names_taken.company_id
            and lower(ruled.item_name) = names_taken.name_key
    left join accounts
        on
            ruled.company_id = accounts.company_id
            and ruled.income_account_name = accounts.account_name
            and accounts.account_type in ('Income', 'Other Income')
            and accounts.is_active

),

compared as (

    select
        products.org_id,
        products.product_id,
        products.product_name,
        links.company_id,
        'update' as action,
        items.item_id,
        items.sync_token,
        items.item_name,
        items.item_type,
        case
            when owners.writes_sku and {{ field_differs(
                'coalesce(products.sku, products.product_code)', 'items.sku'
            ) }} then coalesce(products.sku, products.product_code)
        end as sku,
        case
            when owners.writes_description and {{ field_differs(
                'products.description', 'items.description'
            ) }} then products.description
        end as description,
        items.sku as current_sku,
        items.description as current_description,
        {{ changed_by_hand(
            text_key('items.sku'), text_key('written.sku'), 'first_items.sku',
            'coalesce(product_history.skus, [])', 'written.written_at', 'written.is_read_back'
        ) }} as is_sku_changed_by_hand,
        {{ changed_by_hand(
            text_key('items.description'), text_key('written.description'),
            'first_items.description', 'coalesce(product_history.descriptions, [])',
            'written.written_at', 'written.is_read_back'
        ) }} as is_description_changed_by_hand
    from links
    cross join owners
    inner join products
        on links.org_id = products.org_id and links.product_id = products.product_id
    inner join items on links.company_id = items.company_id and links.item_id = items.item_id
    left join first_items
        on links.company_id = first_items.company_id and links.item_id = first_items.item_id
    left join product_history on links.product_id = product_history.product_id
    left join written
        on links.company_id = written.company_id and links.product_id = written.record_id

),

updates as (

    select
        * exclude (is_sku_changed_by_hand, is_description_changed_by_hand),
        case
            when
                sku is not null and is_sku_changed_by_hand
                or description is not null and is_description_changed_by_hand
                then 'changed_by_hand'
        end as blocked_reason,
        case
            when sku is not null and is_sku_changed_by_hand
                then
                    'a person set sku to ' || coalesce(current_sku, '(empty)')
                    || ', Salesforce says ' || sku
            when description is not null and is_description_changed_by_hand
                then
                    'a person set description to ' || coalesce(current_description, '(empty)')
                    || ', Salesforce says ' || description
        end as blocked_detail
    from compared
    where sku is not null or description is not null

),

final as (

    select * from creates
    union all by name
    select * from updates

)

select
    org_id,
    product_id,
    product_name,
    company_id,
    action,
    item_id,
    sync_token,
    item_name,
    sku,
    description,
    item_type,
    income_account_id,
    unit_price,
    is_taxable,
    current_sku,
    current_description,
    blocked_reason,
    blocked_detail
from final
