-- What a bundle consists of: one row per component.
with

raw_items as (
    select
        *,
        from_json(payload, '{
            "ItemGroupDetail": {
                "ItemGroupLine": [{"ItemRef": {"value": "VARCHAR"}, "Qty": "DECIMAL(28,10)"}]
            }
        }') as doc
    from {{ source('raw_quickbooks', 'item') }}
),

lines as (
    select
        company_id,
        id as item_id,
        unnest(doc."ItemGroupDetail"."ItemGroupLine") as line,
        generate_subscripts(doc."ItemGroupDetail"."ItemGroupLine", 1) as component_number
    from raw_items
)

select
    company_id,
    item_id,
    component_number,
    line."ItemRef".value as component_item_id,
    line."Qty" as quantity
from lines
