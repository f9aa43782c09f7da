{{ config(materialized='view') }}

-- The item that each line of a deal is billed with: that of the first product rule that fits, else
-- the one that stands for the product. A rule that names no usable item leaves the line without one
-- and says why; it is never passed over for the next.
with

deals as (

    select * from {{ ref('int_deals__billable') }}
    where company_id is not null

),

lines as (

    select
        lines.org_id,
        lines.deal_id,
        lines.line_id,
        lines.product_id,
        lines.product_code,
        deals.company_id
    from {{ judged(ref('stg_salesforce__opportunity_lines')) }} as lines
    inner join deals on lines.org_id = deals.org_id and lines.deal_id = deals.deal_id
    where not lines.is_deleted

),

rules as (

    select * from {{ ref('product_rules') }}

),

products_linked as (

    select * from {{ ref('int_products__linked') }}

),

items as (

    select * from {{ ref('stg_quickbooks__items') }}
    where item_type is distinct from 'Category'

),

-- A bundle that cannot be told by its parts cannot be billed.
bundles_broken as (

    select
        items.company_id,
        items.item_id,
        case
            when count(components.component_item_id) = 0
                then 'The bundle ' || any_value(items.item_name) || ' has no parts'
            else 'The bundle ' || any_value(items.item_name) || ' has a part that is not active'
        end as broken_detail
    from items
    left join {{ ref('stg_quickbooks__item_components') }} as components
        on items.company_id = components.company_id and items.item_id = components.item_id
    left join {{ ref('stg_quickbooks__items') }} as parts
        on
            components.company_id = parts.company_id
            and components.component_item_id = parts.item_id
    where items.item_type = 'Group'
    group by items.company_id, items.item_id
    having count(components.component_item_id) = 0 or not bool_and(coalesce(parts.is_active, false))

),

lines_ruled as (

    select
        lines.*,
        rules.priority,
        rules.source_object,
        rules.source_field,
        rules.source_value,
        rules.item_sku,
        rules.item_name
    from lines
    inner join rules
        on
            coalesce(rules.company_id, lines.company_id) = lines.company_id
            and coalesce(rules.product_code, lines.product_code, '')
            = coalesce(lines.product_code, '')

),

records as (

    {{ records_of('lines_ruled', 'rules') }}

),

rules_fitting as (

    select
        lines_ruled.*,
        {{ has_field(record_of_rule('lines_ruled.source_object', 'records'),
            'lines_ruled.source_field') }} as is_field_known
    from lines_ruled
    inner join records
        on lines_ruled.org_id = records.org_id and lines_ruled.line_id = records.line_id
    where
        lower({{ field_value(record_of_rule('lines_ruled.source_object', 'records'),
            'lines_ruled.source_field') }}) = lower(lines_ruled.source_value)
        or not {{ has_field(record_of_rule('lines_ruled.source_object', 'records'),
            'lines_ruled.source_field') }}
    qualify row_number() over (
        partition by lines_ruled.org_id, lines_ruled.line_id
        order by lines_ruled.priority, lines_ruled.source_value
    ) = 1

),

rules_resolved as (

    select
        rules_fitting.org_id,
        rules_fitting.line_id,
        any_value(rules_fitting.priority) as priority,
        any_value(coalesce(rules_fitting.item_sku, rules_fitting.item_name)) as wanted_item,
        any_value(rules_fitting.source_object || '.' || rules_fitting.source_field) as field,
        any_value(rules_fitting.is_field_known) as is_field_known,
        count(items.item_id) as named_items,
        count(items.item_id) filter (where items.is_active) as usable_items,
        min(items.item_id) filter (where items.is_active) as item_id
    from rules_fitting
    left join items
        on
            rules_fitting.company_id = items.company_id
            and (
                lower(rules_fitting.item_sku) = lower(items.sku)
                or (
                    rules_fitting.item_sku is null
                    and lower(rules_fitting.item_name) = lower(items.fully_qualified_name)
                )
            )
    group by rules_fitting.org_id, rules_fitting.line_id

),

lines_linked as (

    select
        lines.org_id,
        lines.deal_id,
        lines.line_id,
        lines.product_id,
        lines.product_code,
        lines.company_id,
        rules_resolved.priority as rule_priority,
        case
            when rules_resolved.line_id is null then products_linked.item_id
            when rules_resolved.is_field_known and rules_resolved.usable_items = 1
                then rules_resolved.item_id
        end as item_id,
        case
            when rules_resolved.line_id is null and products_linked.item_id is not null then null
            when rules_resolved.line_id is null
                then 'No item for ' || coalesce(lines.product_code, 'no product')
            when not rules_resolved.is_field_known
                then
                    'Product rule ' || rules_resolved.priority || ' asks for '
                    || rules_resolved.field || ', which is not read'
            when rules_resolved.usable_items = 1 then null
            when rules_resolved.usable_items > 1
                then
                    'Product rule ' || rules_resolved.priority || ' names item '
                    || rules_resolved.wanted_item || ', of which there are '
                    || rules_resolved.usable_items
            when rules_resolved.named_items > 0
                then
                    'Product rule ' || rules_resolved.priority || ' names item '
                    || rules_resolved.wanted_item || ', which is not active'
            else
                'Product rule ' || rules_resolved.priority || ' names item '
                || rules_resolved.wanted_item || ', which the company does not have'
        end as unmapped_detail
    from lines
    left join rules_resolved
        on lines.org_id = rules_resolved.org_id and lines.line_id = rules_resolved.line_id
    left join products_linked
        on
            lines.org_id = products_linked.org_id
            and lines.product_id = products_linked.product_id
            and lines.company_id = products_linked.company_id

),

final as (

    select
        lines_linked.* exclude (item_id, unmapped_detail),
        case when bundles_broken.item_id is null then lines_linked.item_id end as item_id,
        coalesce(lines_linked.unmapped_detail, bundles_broken.broken_detail) as unmapped_detail
    from lines_linked
    left join bundles_broken
        on
            lines_linked.company_id = bundles_broken.company_id
            and lines_linked.item_id = bundles_broken.item_id

)

select * from final
