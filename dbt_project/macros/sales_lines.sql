{#-
    One row per line of a sales document, in the document's order. The lines of a bundle follow
    their group line and count as items; the group line itself repeats their sum. Discounts are
    negative, as they act on the total.
-#}
{% macro sales_lines(documents, document_key) -%}
    with

    documents as (
        select
            company_id,
            {{ document_key }},
            lines
        from {{ documents }}
    ),

    top_lines as (
        select
            company_id,
            {{ document_key }},
            unnest(lines) as line,
            generate_subscripts(lines, 1) as line_position
        from documents
    ),

    bundle_lines as (
        select
            company_id,
            {{ document_key }},
            line_position,
            line."GroupLineDetail"."GroupItemRef".value as bundle_item_id,
            unnest(line."GroupLineDetail"."Line") as line,
            generate_subscripts(line."GroupLineDetail"."Line", 1) as bundle_position
        from top_lines
        where line."DetailType" = 'GroupLineDetail'
    ),

    all_lines as (
        select
            company_id,
            {{ document_key }},
            line_position,
            0 as bundle_position,
            line."Id" as line_id,
            line."DetailType" as detail_type,
            line."GroupLineDetail"."GroupItemRef".value as bundle_item_id,
            coalesce(
                line."SalesItemLineDetail"."ItemRef".value,
                line."GroupLineDetail"."GroupItemRef".value
            ) as item_id,
            line."Description" as description,
            coalesce(
                line."SalesItemLineDetail"."Qty", line."GroupLineDetail"."Quantity"
            ) as quantity,
            line."SalesItemLineDetail"."UnitPrice" as unit_price,
            line."Amount" as amount,
            line."SalesItemLineDetail"."TaxCodeRef".value as tax_code_id,
            line."SalesItemLineDetail"."ServiceDate" as service_on
        from top_lines
        union all by name
        select
            company_id,
            {{ document_key }},
            line_position,
            bundle_position,
            bundle_item_id,
            line."Id" as line_id,
            line."DetailType" as detail_type,
            line."SalesItemLineDetail"."ItemRef".value as item_id,
            line."Description" as description,
            line."SalesItemLineDetail"."Qty" as quantity,
            line."SalesItemLineDetail"."UnitPrice" as unit_price,
            line."Amount" as amount,
            line."SalesItemLineDetail"."TaxCodeRef".value as tax_code_id,
            line."SalesItemLineDetail"."ServiceDate" as service_on
        from bundle_lines
    )

    select
        company_id,
        {{ document_key }},
        cast(row_number() over (
            partition by company_id, {{ document_key }}
            order by line_position, bundle_position
        ) as integer) as line_number,
        line_id,
        case
            when item_id = 'SHIPPING_ITEM_ID' then 'shipping'
            when detail_type = 'SalesItemLineDetail' then 'item'
            when detail_type = 'DiscountLineDetail' then 'discount'
            when detail_type = 'SubTotalLineDetail' then 'subtotal'
            when detail_type = 'GroupLineDetail' then 'group'
            else 'description'
        end as line_type,
        item_id,
        bundle_item_id,
        description,
        quantity,
        unit_price,
        cast(
            case
                when detail_type = 'DiscountLineDetail' then -amount
                else coalesce(amount, 0)
            end as decimal(18, 2)
        ) as amount,
        tax_code_id,
        service_on
    from all_lines
{%- endmacro %}

{#- A text as people read it: without the blanks and line breaks that a service may change. -#}
{% macro words_of(text) -%}
    trim(regexp_replace(coalesce({{ text }}, ''), '\s+', ' ', 'g'))
{%- endmacro %}

{#- What is compared of a line; a discount is stated as an amount above zero and taken off. -#}
{% macro written_line(line) -%}
        case
            when {{ line }}."DetailType" = 'DiscountLineDetail' then -{{ line }}."Amount"
            else {{ line }}."Amount"
        end as line_amount,
        {{ line }}."SalesItemLineDetail"."ItemRef".value as item_id,
        {{ line }}."SalesItemLineDetail"."Qty" as quantity,
        {{ line }}."Description" as description
{%- endmacro %}
