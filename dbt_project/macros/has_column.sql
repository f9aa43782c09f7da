{# Whether an org has a custom field, as a literal true or false. #}
{% macro has_column(source_relation, column) -%}
    {%- set there = [] -%}
    {%- if execute -%}
        {%- for found in adapter.get_columns_in_relation(source_relation) -%}
            {%- if found.name | lower == column -%}{%- do there.append(column) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ 'true' if there else 'false' }}
{%- endmacro %}
