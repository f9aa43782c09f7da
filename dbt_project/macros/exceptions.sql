{#- Does an acceptance (the word `word`) still hold, for that amount on that day? -#}
{% macro is_accepted(word, amount, day) -%}
    (
        {{ word }}.event = 'accept'
        and {{ word }}.accepted_until >= {{ day }}
        and coalesce({{ amount }}, 0) <= coalesce({{ word }}.accepted_amount, 0)
    )
{%- endmacro %}
