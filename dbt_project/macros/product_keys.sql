{#- A stock code as people mean it: letters and digits, in capitals. -#}
{% macro code_key(code) -%}
    nullif(upper(regexp_replace({{ code }}, '[^A-Za-z0-9]', '', 'g')), '')
{%- endmacro %}

{#- Words of a product's name in order; QuickBooks has no double quote, so an inch is written out. -#}
{% macro product_name_key(name) -%}
    nullif(array_to_string({{ name_words(
        "regexp_replace(" ~ plain_letters(name) ~ ", '[\"″]', ' in ', 'g')"
    ) }}, ' '), '')
{%- endmacro %}
