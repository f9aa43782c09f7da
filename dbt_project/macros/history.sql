{#-
    Versions of the records of a raw table as the extraction keeps them (known_from, known_to), or
    none where nothing was extracted yet. `columns` maps each column wanted to its type.
-#}
{% macro versions_of(schema, table, columns) -%}
    {%- set kept = adapter.get_relation(target.database, schema, table) if execute else none -%}
    {%- set there = adapter.get_columns_in_relation(kept) | map(attribute='name') | list if kept else [] -%}
    {%- set given = [] -%}
    {%- for name, type in columns.items() -%}
        {%- set source = name if name in there else 'null' -%}
        {%- do given.append('cast(' ~ source ~ ' as ' ~ type ~ ') as ' ~ name) -%}
    {%- endfor -%}
    {%- if kept -%}
        (select {{ given | join(', ') }}, known_from, known_to from {{ kept }})
    {%- else -%}
        (select {{ given | join(', ') }}, cast(null as timestamptz) as known_from, cast(null as timestamptz) as known_to where false)
    {%- endif -%}
{%- endmacro %}

{#- Was this version the one that was known at that moment? -#}
{% macro known_at(moment) -%}
    (known_from <= {{ moment }} and (known_to is null or known_to > {{ moment }}))
{%- endmacro %}
