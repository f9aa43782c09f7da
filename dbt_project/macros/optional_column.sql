{# A custom field that an org may have or not, as text without blanks around it; null where it has
   none. #}
{% macro optional_column(source_relation, column) -%}
    {%- set there = [] -%}
    {%- if execute -%}
        {%- for found in adapter.get_columns_in_relation(source_relation) -%}
            {%- if found.name | lower == column -%}{%- do there.append(column) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if there -%}
        nullif(trim(cast({{ column }} as varchar)), '')
    {%- else -%}
        cast(null as varchar)
    {%- endif -%}
{%- endmacro %}
