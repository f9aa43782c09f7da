{#-
    The words of a product's name that tell one variant from another: numbers, sizes, colours, tiers
    and billing periods, each in one spelling. `words` is a list of words in lower case.
-#}
{% macro variant_words(words) -%}
    list_sort(list_distinct(list_filter(
        list_transform({{ words }}, lambda word: {{ one_spelling('word') }}),
        lambda word:
            regexp_matches(word, '[0-9]')
            or list_contains([
                'xs', 's', 'm', 'l', 'xl', 'xxl', 'black', 'white', 'red', 'green', 'blue',
                'yellow', 'orange', 'purple', 'pink', 'brown', 'grey', 'silver', 'gold',
                'free', 'starter', 'basic', 'standard', 'plus', 'pro', 'premium', 'business',
                'enterprise', 'daily', 'weekly', 'monthly', 'quarterly', 'annual', 'single', 'double'
            ], word)
    )))
{%- endmacro %}

{# The words that all variants of a product share, in no order. #}
{% macro base_words(words) -%}
    list_sort(list_distinct(list_filter(
        list_transform({{ words }}, lambda word: {{ one_spelling('word') }}),
        lambda word: not list_contains({{ variant_words(words) }}, word)
    )))
{%- endmacro %}

{% macro one_spelling(word) -%}
    case {{ word }}
        when 'month' then 'monthly'
        when 'year' then 'annual' when 'yearly' then 'annual' when 'annually' then 'annual'
        when 'quarter' then 'quarterly' when 'week' then 'weekly' when 'day' then 'daily'
        when 'small' then 's' when 'medium' then 'm' when 'large' then 'l'
        when 'gray' then 'grey' when 'professional' then 'pro'
        else {{ word }}
    end
{%- endmacro %}
