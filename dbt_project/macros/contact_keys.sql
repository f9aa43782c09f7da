{#- Digits of a telephone number that are the same at home and abroad; short ones do not count. -#}
{% macro phone_key(phone) -%}
    case
        when length(
            regexp_replace(
                regexp_replace(lower({{ phone }}), '(?:ext|x|#).*$', ''), '[^0-9]', '', 'g'
            )
        ) >= 7
            then right(
                regexp_replace(
                    regexp_replace(lower({{ phone }}), '(?:ext|x|#).*$', ''), '[^0-9]', '', 'g'
                ), 9
            )
    end
{%- endmacro %}

{#- All addresses in a field that may hold several. -#}
{% macro mail_addresses(field) -%}
    list_filter(
        string_split_regex(lower(coalesce({{ field }}, '')), '[,;\s]+'),
        lambda address: regexp_matches(address, '^[^@]+@[^@]+\.[^@]+$')
    )
{%- endmacro %}

{#- Host of a web address without "www". -#}
{% macro web_domain(url) -%}
    nullif(regexp_extract(
        lower(trim({{ url }})), '^(?:[a-z]+://)?(?:www\d?\.)?([^/:?#\s]+\.[^/:?#\s]+)', 1
    ), '')
{%- endmacro %}

{#- Letters and digits of a postal code; of a long US code the five that name the place. -#}
{% macro postal_key(postal_code) -%}
    nullif(regexp_replace(
        regexp_replace(upper(trim({{ postal_code }})), '^(\d{5})-\d{4}$', '\1'),
        '[^A-Z0-9]', '', 'g'
    ), '')
{%- endmacro %}

{#- The number of a house in a street line. -#}
{% macro house_number(street) -%}
    nullif(regexp_extract({{ street }}, '(\d+)', 1), '')
{%- endmacro %}
