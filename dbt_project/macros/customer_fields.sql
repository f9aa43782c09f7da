{# Two ways to write the same thing are no difference; what Salesforce leaves empty is none. #}
{% macro field_differs(wanted, current) -%}
    (
        nullif(trim({{ wanted }}), '') is not null
        and regexp_replace(lower(trim({{ wanted }})), '\s+', ' ', 'g')
        is distinct from regexp_replace(lower(trim({{ current }})), '\s+', ' ', 'g')
    )
{%- endmacro %}

{# Telephone numbers are the same when their last nine digits are. #}
{% macro phone_differs(wanted, current) -%}
    (
        nullif(trim({{ wanted }}), '') is not null
        and right(regexp_replace({{ wanted }}, '[^0-9]', '', 'g'), 9)
        is distinct from right(regexp_replace({{ current }}, '[^0-9]', '', 'g'), 9)
    )
{%- endmacro %}
