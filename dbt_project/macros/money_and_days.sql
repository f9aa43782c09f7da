{# The n-th working day (Monday to Friday) after a date; a weekend counts as the Friday before it. #}
{% macro add_business_days(day, business_days) -%}
    (
        {{ day }} + cast(
            {{ business_days }}
            + 2 * ((least(isodow({{ day }}), 5) - 1 + {{ business_days }}) // 5)
            - greatest(isodow({{ day }}) - 5, 0)
            as integer
        )
    )
{%- endmacro %}

{# The same day of a later month, or that month's last day. #}
{% macro add_months(day, months) -%}
    cast({{ day }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{# Cents as an exact integer: money is divided as integers only. #}
{% macro cents(amount) -%}
    cast(cast({{ amount }} as decimal(38, 2)) * 100 as hugeint)
{%- endmacro %}

{# Whole-number division that rounds down for negative numbers too. #}
{% macro floor_divide(dividend, divisor) -%}
    ({{ dividend }} - ((({{ dividend }}) % ({{ divisor }}) + ({{ divisor }})) % ({{ divisor }}))) // ({{ divisor }})
{%- endmacro %}

{% macro floor_remainder(dividend, divisor) -%}
    ((({{ dividend }}) % ({{ divisor }}) + ({{ divisor }})) % ({{ divisor }}))
{%- endmacro %}

{# The states of a link that may be used without asking again. #}
{% macro usable_link(match_state) -%}
    {{ match_state }} in ('confirmed', 'manual')
{%- endmacro %}

{# That day of the month of a date, or the month's last day where it is shorter. #}
{% macro day_of_month(day, number) -%}
    least(
        last_day({{ day }}),
        cast(date_trunc('month', {{ day }}) as date) + ({{ number }} - 1)
    )
{%- endmacro %}
