{#-
    The rules of a mismatch, for the list of today (`mismatches`) and that of any day
    (`mismatches_as_of`).
-#}

{#- What one mismatch is: found again it has the same id, whatever it is worth by then. -#}
{% macro mismatch_id(findings) -%}
    md5(concat_ws(
        '|',
        {{ findings }}.mismatch_class,
        coalesce({{ findings }}.company_id, ''),
        coalesce({{ findings }}.deal_id, ''),
        coalesce(cast({{ findings }}.plan_step as varchar), ''),
        coalesce({{ findings }}.document_type || {{ findings }}.document_id, ''),
        coalesce({{ findings }}.currency_code, '')
    ))
{%- endmacro %}

{#- Of the findings about one record the first bears the value. -#}
{% macro by_precedence() -%}
    classes.precedence asc,
    findings.value_at_stake desc nulls last,
    findings.deal_id asc,
    findings.plan_step asc
{%- endmacro %}

{#- Neither what is only told nor what is said of a whole source is anybody's task. -#}
{% macro is_exception(severity) -%}
    {{ severity }} != 'info' and mismatch_class != 'NOT_CONCLUDED'
{%- endmacro %}

{#- Where an amount is at stake: a wrong rate in the company's own currency, not in the
    document's. -#}
{% macro stake_currency(mismatches) -%}
    case
        when {{ mismatches }}.mismatch_class = 'FX_ANOMALY' then companies.home_currency_code
        else {{ mismatches }}.currency_code
    end
{%- endmacro %}

{#- Material alone, or together with the others of its class in the same books. -#}
{% macro is_material(together) -%}
    (
        coalesce(value_at_stake >= floor_amount, false)
        or coalesce(class_amount >= floor_amount * {{ together }}, false)
    )
{%- endmacro %}

{#- The classes whose value is leakage: due, past grace and not billed, or billed with too little. -#}
{% macro leaking_classes() -%}
    ('UNBILLED_CLOSED_WON', 'VOIDED_AFTER_BILLING', 'UNDER_BILLED')
{%- endmacro %}
