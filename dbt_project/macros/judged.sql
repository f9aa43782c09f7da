{#- The rows of the org that is judged and written to. Where several orgs are read, records of
    another one may have the same ids (a sandbox is a copy of its production org with an org id of
    its own): billing a copy's deals would bill every deal twice. -#}
{% macro judged(relation) -%}
{%- if var('judged_org_id', '') -%}
(select * from {{ relation }} where org_id = '{{ var("judged_org_id") }}')
{%- else -%}
{{ relation }}
{%- endif -%}
{%- endmacro %}
