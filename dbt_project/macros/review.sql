{#-
    How sure a proposal is, in one word that a person may accept by. Nothing that competes, and
    nothing that a person has turned down before, is in a band with others.
-#}
{% macro review_band(match_state, confidence, returned='null') -%}
    case
        when {{ returned }} is not null then 'returned'
        when {{ match_state }} = 'ambiguous' then 'ambiguous'
        when {{ confidence }} >= {{ var('band_strong', 0.9) }} then 'strong'
        when {{ confidence }} >= {{ var('band_likely', 0.5) }} then 'likely'
        else 'weak'
    end
{%- endmacro %}
