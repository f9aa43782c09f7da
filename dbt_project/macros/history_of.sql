{# Whether the extraction has kept a history of a raw table yet: files that are matched have none. #}
{% macro has_history(source_relation) -%}
    {%- if execute -%}
        {{ return(adapter.get_relation(
            database=source_relation.database,
            schema=source_relation.schema,
            identifier=source_relation.identifier
        ) is not none) }}
    {%- endif -%}
    {{ return(false) }}
{%- endmacro %}

{#-
    The versions that the extraction has kept of a raw table, or no row where it keeps none yet.
    `columns` are the columns wanted with their types.
-#}
{% macro history_of(source_relation, columns) -%}
    {%- if has_history(source_relation) -%}
        select
            {%- for name, kind in columns.items() %}
                cast({{ name }} as {{ kind }}) as {{ name }},
            {%- endfor %}
            known_from,
            known_to
        from {{ source_relation }}
    {%- else -%}
        select
            {%- for name, kind in columns.items() %}
                cast(null as {{ kind }}) as {{ name }},
            {%- endfor %}
            cast(null as timestamptz) as known_from,
            cast(null as timestamptz) as known_to
        where false
    {%- endif -%}
{%- endmacro %}
