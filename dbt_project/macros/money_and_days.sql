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

{# The part of a whole that is in proportion, in whole numbers, a half rounded up. #}
{% macro in_proportion(whole, part, total) -%}
    {{ floor_divide(
        '2 * ' ~ whole ~ ' * ' ~ part ~ ' + ' ~ total, '2 * ' ~ total
    ) }}
{%- endmacro %}

{# The rows of a relation with `shared_cents`: a whole that each group of rows shares in proportion,
   so that the parts add up to it to the cent. Each row takes the whole cents of its part; the cents
   left over go to the largest remainders, one each, and among equal ones to the first. #}
{% macro shared_by_remainder(relation, whole, part, total, group, first) -%}
    select
        * exclude (floor_cents, remainder, cents_left, remainder_rank),
        floor_cents + case when remainder_rank <= cents_left then 1 else 0 end as shared_cents
    from (
        select
            *,
            {{ whole }} - sum(floor_cents) over whole_group as cents_left,
            row_number() over (
                partition by {{ group }}
                order by abs(remainder) desc, {{ first }}
            ) as remainder_rank
        from (
            select
                *,
                {{ floor_divide(whole ~ ' * ' ~ part, total) }} as floor_cents,
                {{ floor_remainder(whole ~ ' * ' ~ part, total) }} as remainder
            from {{ relation }}
        ) as floored
        window whole_group as (partition by {{ group }})
    ) as ranked
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

{#- An exchange rate as people write it: no zeros at its end. -#}
{% macro rate_told(rate) -%}
    rtrim(rtrim(cast(cast({{ rate }} as decimal(18, 9)) as varchar), '0'), '.')
{%- endmacro %}
