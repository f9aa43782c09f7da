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
                        '{{ key | replace("_", " ") }} was '
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

{# The same of a product and an item, columns of `int_products__candidates`; prices drift, and are
   no reason to ask again. #}
{% macro product_evidence(pairs) -%}
    cast(to_json({
        {%- for key in product_evidence_keys()[:4] %}
        '{{ key }}': {{ pairs }}.is_{{ key }},
        {%- endfor %}
        'description': {{ pairs }}.description_relation
    }) as varchar)
{%- endmacro %}

{% macro product_evidence_keys() -%}
    {{ return(['same_code', 'same_name', 'other_code', 'other_variant', 'description']) }}
{%- endmacro %}

{% macro invoice_evidence_keys() -%}
    {{ return(['customer', 'amount', 'currency', 'PO number', 'company']) }}
{%- endmacro %}

{# The same of an invoice and a plan step; `pairs` has company_id, invoice_id, org_id, deal_id and
   plan_step. #}
{% macro invoice_evidence(pairs) -%}
    select
        pairs.org_id,
        pairs.deal_id,
        steps.plan_step,
        pairs.company_id,
        pairs.invoice_id,
        cast(to_json({
            'customer': case when links.customer_id is not null then 'linked' else 'not linked' end,
            'amount':
                case
                    when abs(steps.amount - invoices.net_amount) <= {{ tolerance('steps.amount', 'steps') }}
                        then 'same'
                    else 'different'
                end,
            'currency': {{ values_agree('steps.currency_code', 'invoices.currency_code') }},
            'PO number': {{ values_agree(
                po_key('deals.po_number'), po_key('invoices.po_reference')
            ) }},
            'company': {{ values_agree('steps.company_id', 'invoices.company_id') }}
        }) as varchar) as evidence
    from {{ pairs }} as pairs
    inner join {{ ref('int_invoices__net') }} as invoices
        on pairs.company_id = invoices.company_id and pairs.invoice_id = invoices.invoice_id
    inner join {{ ref('int_billing_plan__steps') }} as steps
        on
            pairs.org_id = steps.org_id
            and pairs.deal_id = steps.deal_id
            and coalesce(pairs.plan_step, 1) = steps.plan_step
    inner join {{ ref('int_deals__billable') }} as deals
        on pairs.org_id = deals.org_id and pairs.deal_id = deals.deal_id
    left join {{ ref('int_customers__linked') }} as links
        on
            deals.org_id = links.org_id
            and deals.account_id = links.account_id
            and invoices.company_id = links.company_id
            and invoices.customer_id = links.customer_id
{%- endmacro %}
