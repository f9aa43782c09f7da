{#-
    What speaks for and against a pair, in few words that do not change when a model or a threshold
    does: a person's rejection holds as long as they stay as they were. `pairs` is a relation or
    common table expression with the ids of both sides.
-#}

{# Whether two lists of keys share one: same, different, or one side says nothing. #}
{% macro keys_agree(left, right) -%}
    case
        when len({{ left }}) = 0 or len({{ right }}) = 0 then 'unknown'
        when list_has_any({{ left }}, {{ right }}) then 'same'
        else 'different'
    end
{%- endmacro %}

{# The same for single values. #}
{% macro values_agree(left, right) -%}
    case
        when {{ left }} is null or {{ right }} is null then 'unknown'
        when {{ left }} = {{ right }} then 'same'
        else 'different'
    end
{%- endmacro %}

{% macro customer_evidence(pairs) -%}
    select
        pairs.org_id,
        pairs.account_id,
        pairs.company_id,
        pairs.customer_id,
        cast(to_json({
            'name':
                case
                    when list_has_any(account_names.names, customer_names.names) then 'same'
                    when list_has_any(account_names.words, customer_names.words) then 'similar'
                    else 'different'
                end,
            'e-mail': {{ keys_agree('accounts.emails', 'customers.emails') }},
            'domain': {{ keys_agree('accounts.domains', 'customers.domains') }},
            'telephone': {{ keys_agree('accounts.phones', 'customers.phones') }},
            'postal code': {{ values_agree('accounts.postal_key', 'customers.postal_key') }},
            'currency': {{ values_agree('accounts.currency_code', 'customers.currency_code') }},
            'external id':
                {{ values_agree(
                    'accounts.linked_customer_key', "pairs.company_id || ':' || pairs.customer_id"
                ) }}
        }) as varchar) as evidence
    from {{ pairs }} as pairs
    inner join {{ ref('int_accounts__normalised') }} as accounts
        on pairs.org_id = accounts.org_id and pairs.account_id = accounts.account_id
    inner join {{ ref('int_customers__normalised') }} as customers
        on pairs.company_id = customers.company_id and pairs.customer_id = customers.customer_id
    left join (
        select
            scope_id as org_id,
            record_id as account_id,
            list(token_key) as names,
            flatten(list(tokens)) as words
        from {{ ref('int_names__normalised') }}
        where
            side = 'account'
            and (scope_id, record_id) in (select (p.org_id, p.account_id) from {{ pairs }} as p)
        group by all
    ) as account_names
        on pairs.org_id = account_names.org_id and pairs.account_id = account_names.account_id
    left join (
        select
            scope_id as company_id,
            record_id as customer_id,
            list(token_key) as names,
            flatten(list(tokens)) as words
        from {{ ref('int_names__normalised') }}
        where
            side = 'customer'
            and (scope_id, record_id) in (select (p.company_id, p.customer_id) from {{ pairs }} as p)
        group by all
    ) as customer_names
        on
            pairs.company_id = customer_names.company_id
            and pairs.customer_id = customer_names.customer_id
{%- endmacro %}

{# What of the evidence is not as it was, in a sentence; null when all is, or when one of the two is
   not known. Only what both speak of is compared. #}
{% macro evidence_changes(before, now, keys) -%}
    nullif(concat_ws(
        ', ',
        {%- for key in keys %}
            case
                when
                    json_extract_string({{ before }}, '$."{{ key }}"')
                    != json_extract_string({{ now }}, '$."{{ key }}"')
                    then
                        '{{ key }} was '
                        || json_extract_string({{ before }}, '$."{{ key }}"')
                        || ' and is '
                        || json_extract_string({{ now }}, '$."{{ key }}"')
            end
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    ), '')
{%- endmacro %}

{% macro customer_evidence_keys() -%}
    {{ return(
        ['name', 'e-mail', 'domain', 'telephone', 'postal code', 'currency', 'external id']
    ) }}
{%- endmacro %}
