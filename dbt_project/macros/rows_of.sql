{#-
    Rows of a raw table that an org or a company may do without, or none where it was never read.
    `columns` maps each column wanted to its type; one that is not there is null.
-#}
{% macro rows_of(source_relation, columns) -%}
    {%- set kept = none -%}
    {%- if execute -%}
        {%- set kept = adapter.get_relation(
            database=source_relation.database,
            schema=source_relation.schema,
            identifier=source_relation.identifier
        ) -%}
    {%- endif -%}
    {%- set there = [] -%}
    {%- if kept -%}
        {%- for column in adapter.get_columns_in_relation(kept) -%}
            {%- do there.append(column.name | lower) -%}
        {%- endfor -%}
    {%- endif -%}
    select
        {%- for name, type in columns.items() %}
            cast({{ name if name in there else 'null' }} as {{ type }}) as {{ name }}
            {{- ',' if not loop.last }}
        {%- endfor %}
    {%- if kept %}
        from {{ source_relation }}
    {%- else %}
        where false
    {%- endif -%}
{%- endmacro %}
