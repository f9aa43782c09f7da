{# A custom field that an org may have or not, as text without blanks around it; null where it has
   none. #}
{% macro optional_column(source_relation, column) -%}
    {%- if has_column(source_relation, column) | trim == 'true' -%}
        nullif(trim(cast({{ column }} as varchar)), '')
    {%- else -%}
        cast(null as varchar)
    {%- endif -%}
{%- endmacro %}
