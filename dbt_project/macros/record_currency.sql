{# The currency of a record. An org of one currency has no such field: then it is the one that the
   first row of company_routing bills. #}
{% macro record_currency(source_relation) -%}
    {%- if has_column(source_relation, 'currency_iso_code') | trim == 'true' -%}
        currency_iso_code
    {%- else -%}
        (select arg_min(currency_code, priority) from {{ ref('company_routing') }})
    {%- endif -%}
{%- endmacro %}
