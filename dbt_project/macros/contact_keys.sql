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

{#- The line that names the street: before it somebody may be named ("Attn: Accounts Payable"), whose
    line has no number. -#}
{% macro street_line(first_line, second_line) -%}
    case
        when
            regexp_matches({{ second_line }}, '\d')
            and not regexp_matches(coalesce({{ first_line }}, ''), '\d')
            then {{ second_line }}
        else {{ first_line }}
    end
{%- endmacro %}

{#- The number of a house in a street line. -#}
{% macro house_number(street) -%}
    nullif(regexp_extract({{ street }}, '(\d+)', 1), '')
{%- endmacro %}

{#- The street of an address line without number and unit. -#}
{% macro street_key(street) -%}
    nullif(trim(regexp_replace(
        regexp_replace(
            {{ plain_letters(street) }},
            '\b(?:suite|ste|apt|unit|floor|fl|building|bldg|room|rm|lot)\b\W*\w*|#\W*\w*|\d+\w*'
            || '|[^\p{L}]+', ' ', 'g'
        ),
        '\s+', ' ', 'g'
    )), '')
{%- endmacro %}

{#- A country as people write it, in two letters where it is one of the usual ones. -#}
{% macro country_key(country) -%}
    case regexp_replace({{ plain_letters(country) }}, '[^a-z]', '', 'g')
        when '' then null
        when 'usa' then 'us' when 'unitedstates' then 'us' when 'unitedstatesofamerica' then 'us'
        when 'uk' then 'gb' when 'unitedkingdom' then 'gb' when 'greatbritain' then 'gb'
        when 'england' then 'gb' when 'scotland' then 'gb' when 'wales' then 'gb'
        when 'canada' then 'ca' when 'germany' then 'de' when 'deutschland' then 'de'
        when 'france' then 'fr' when 'italy' then 'it' when 'italia' then 'it'
        when 'spain' then 'es' when 'espana' then 'es' when 'switzerland' then 'ch'
        when 'austria' then 'at' when 'netherlands' then 'nl' when 'belgium' then 'be'
        when 'japan' then 'jp' when 'china' then 'cn' when 'australia' then 'au'
        when 'india' then 'in' when 'ireland' then 'ie' when 'mexico' then 'mx'
        when 'brazil' then 'br' when 'brasil' then 'br' when 'portugal' then 'pt'
        when 'southkorea' then 'kr' when 'korea' then 'kr' when 'taiwan' then 'tw'
        when 'sweden' then 'se' when 'norway' then 'no' when 'denmark' then 'dk'
        when 'finland' then 'fi' when 'poland' then 'pl' when 'newzealand' then 'nz'
        else regexp_replace({{ plain_letters(country) }}, '[^a-z]', '', 'g')
    end
{%- endmacro %}

{#- The part of a mailbox before the sign, where it names a person and no desk. -#}
{% macro personal_mailbox(address) -%}
    case
        when
            length(split_part({{ address }}, '@', 1)) >= 5
            and not regexp_matches(
                split_part({{ address }}, '@', 1),
                '^(?:info|ap|ar|accounts?|accounting|accountspayable|payables?|billing|invoices?'
                || '|office|finance|admin|contact|sales|mail|hello|purchasing|service|support'
                || '|clients?|books|bookkeep\w*|team|orders?|enquir\w+|inquir\w+|manager|owner'
                || '|reception|store|shop|hr|it)\W?\d*$'
            )
            then split_part({{ address }}, '@', 1)
    end
{%- endmacro %}

{#- The name of a domain without its endings: what a company would call itself in one word. -#}
{% macro domain_stem(domain) -%}
    case
        when length(regexp_replace(split_part({{ domain }}, '.', 1), '[^a-z0-9]', '', 'g')) >= 4
            then regexp_replace(split_part({{ domain }}, '.', 1), '[^a-z0-9]', '', 'g')
    end
{%- endmacro %}

{#- A person as family and given name, from the parts or from the whole; nobody without both. -#}
{% macro person_key(given_name, family_name, whole_name) -%}
    case
        when trim({{ family_name }}) != '' and trim({{ given_name }}) != ''
            then {{ plain_letters('trim(' ~ family_name ~ ')') }} || ' '
                || {{ plain_letters("split_part(trim(" ~ given_name ~ "), ' ', 1)") }}
        when {{ whole_name }} like '% %'
            then {{ plain_letters("split_part(trim(" ~ whole_name ~ "), ' ', -1)") }} || ' '
                || {{ plain_letters("split_part(trim(" ~ whole_name ~ "), ' ', 1)") }}
    end
{%- endmacro %}
