{#-
    The three dials of an amount. Matching: is it the same thing? Rounding: is it a difference?
    Materiality: must somebody act? Each has a setting for all books in dbt_project.yml and others
    for some of them in the seed book_dials.
-#}

{#
  One part (absolute or per_cent) of a dial for the books of the relation `book`. The nearest row of
  book_dials that has this part decides: of a company's books in a currency, of a currency, of a
  company. Books without a row have `setting`, an expression. The rows are written into the model,
  so that where there are none a dial costs nothing.
#}
{% macro dial_of_book(dial, part, setting, type, book) -%}
    {%- set of_book = book ~ '.' if book else '' -%}
    {%- set rows = [] -%}
    {%- if execute -%}
        {%- set seed = adapter.get_relation(target.database, 'staging', 'book_dials') -%}
        {%- if seed -%}
            {%- set rows = run_query(
                "select company_id, currency_code, cast(" ~ part ~ " as varchar) as part from "
                ~ seed ~ " where dial = '" ~ dial ~ "' and " ~ part ~ " is not null and "
                ~ "coalesce(company_id, currency_code) is not null order by currency_code is null, "
                ~ "company_id is null, currency_code, company_id"
            ).rows -%}
        {%- endif -%}
    {%- else -%}
        {%- set seed = ref('book_dials') -%}
    {%- endif -%}
    {%- if rows -%}
        case
            {%- for row in rows %}
            when
                true
                {%- if row['company_id'] %}
                and {{ of_book }}company_id = '{{ row['company_id'] | replace("'", "''") }}'
                {%- endif %}
                {%- if row['currency_code'] %}
                and {{ of_book }}currency_code = '{{ row['currency_code'] | replace("'", "''") }}'
                {%- endif %}
                then cast('{{ row['part'] }}' as {{ type }})
            {%- endfor %}
            else {{ setting }}
        end
    {%- else -%}
        {{ setting }}
    {%- endif -%}
{%- endmacro %}

{# Matching tolerance: how far two amounts may be apart and still be the same thing. `book` is the
   relation whose company_id and currency_code tell the books. #}
{% macro tolerance(amount, book=none) -%}
    {%- set absolute = "cast('" ~ var('tolerance_abs', 0.01) ~ "' as decimal(18, 2))" -%}
    {%- set per_cent = "cast('" ~ var('matching_tolerance_pct', 0) ~ "' as decimal(9, 4))" -%}
    greatest(
        {{ dial_of_book('matching', 'absolute', absolute, 'decimal(18, 2)', book) }},
        round(
            abs({{ amount }})
            * {{ dial_of_book('matching', 'per_cent', per_cent, 'decimal(9, 4)', book) }} * 0.01, 2
        )
    )
{%- endmacro %}

{# Rounding tolerance: so much for each line that may have been rounded; no more is no difference. #}
{% macro rounding(lines, book=none) -%}
    {%- set absolute = "cast('" ~ var('rounding_per_line', 0.01) ~ "' as decimal(18, 4))" -%}
    cast(
        {{ lines }} * {{ dial_of_book('rounding', 'absolute', absolute, 'decimal(18, 4)', book) }}
        as decimal(18, 2)
    )
{%- endmacro %}

{# What is no difference between an amount and that of documents of so many lines: as much as makes
   it the same thing, or as their rounding explains. #}
{% macro no_difference(amount, lines, book=none) -%}
    greatest({{ tolerance(amount, book) }}, {{ rounding(lines, book) }})
{%- endmacro %}

{# Materiality: from what amount somebody must act, of books in which so much fell due lately. #}
{% macro materiality(fell_due, book=none) -%}
    {%- set absolute = "cast('" ~ var('materiality_abs', '1000') ~ "' as decimal(18, 2))" -%}
    {%- set per_cent = "cast('" ~ var('materiality_pct', '0.5') ~ "' as decimal(9, 4))" -%}
    greatest(
        {{ dial_of_book('materiality', 'absolute', absolute, 'decimal(18, 2)', book) }},
        round(
            {{ fell_due }}
            * {{ dial_of_book('materiality', 'per_cent', per_cent, 'decimal(9, 4)', book) }} / 100, 2
        )
    )
{%- endmacro %}

{#- The same by the settings that the mart `dials` tells, for what is asked of a built warehouse. -#}
{% macro no_difference_in_force(amount, lines, book=none) -%}
    {%- set absolute, per_cent = dial('tolerance_abs'), dial('matching_tolerance_pct') -%}
    {%- set per_line = dial('rounding_per_line') -%}
    cast(greatest(
        {{ dial_of_book('matching', 'absolute', absolute, 'decimal(18, 4)', book) }},
        round(
            abs({{ amount }})
            * {{ dial_of_book('matching', 'per_cent', per_cent, 'decimal(18, 4)', book) }} * 0.01, 2
        ),
        cast(
            {{ lines }}
            * {{ dial_of_book('rounding', 'absolute', per_line, 'decimal(18, 4)', book) }}
            as decimal(18, 2)
        )
    ) as decimal(18, 2))
{%- endmacro %}

{% macro materiality_in_force(fell_due, book=none) -%}
    {%- set absolute, per_cent = dial('materiality_abs'), dial('materiality_pct') -%}
    greatest(
        {{ dial_of_book('materiality', 'absolute', absolute, 'decimal(18, 4)', book) }},
        round(
            {{ fell_due }}
            * {{ dial_of_book('materiality', 'per_cent', per_cent, 'decimal(18, 4)', book) }} / 100, 2
        )
    )
{%- endmacro %}
