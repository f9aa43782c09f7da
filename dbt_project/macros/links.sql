{# Where our mark stands in a note: first, or behind the word that a void puts before it. #}
{% macro mark_pattern() -%}
    '^(?:Voided)?[^A-Za-z0-9]*Crossfoot ([A-Za-z0-9]{18})/([0-9]+)/g([0-9]+)'
{%- endmacro %}

{# A purchase order number as people mean it: letters and digits only, in capitals. #}
{% macro po_key(po_number) -%}
    nullif(upper(regexp_replace({{ po_number }}, '[^A-Za-z0-9]', '', 'g')), '')
{%- endmacro %}

{#
  Gives each document one step of its deal: the best pair first, then the best among what is
  left, until documents or steps run out. Wants org_id, deal_id, company_id, invoice_id,
  plan_step and pair_rank (unique within a deal, the best is 1).
#}
{% macro assign_steps(candidates) -%}
    select
        org_id,
        deal_id,
        min_by(company_id || ':' || invoice_id, pair_rank) as document_key,
        min_by(plan_step, pair_rank) as plan_step,
        [min_by(company_id || ':' || invoice_id, pair_rank)] as documents_taken,
        [min_by(plan_step, pair_rank)] as steps_taken
    from {{ candidates }}
    group by org_id, deal_id

    union all

    select
        candidates.org_id,
        candidates.deal_id,
        min_by(candidates.company_id || ':' || candidates.invoice_id, candidates.pair_rank)
            as document_key,
        min_by(candidates.plan_step, candidates.pair_rank) as plan_step,
        list_append(
            any_value(assigned.documents_taken),
            min_by(candidates.company_id || ':' || candidates.invoice_id, candidates.pair_rank)
        ) as documents_taken,
        list_append(
            any_value(assigned.steps_taken), min_by(candidates.plan_step, candidates.pair_rank)
        ) as steps_taken
    from assigned
    inner join {{ candidates }} as candidates
        on
            assigned.org_id = candidates.org_id
            and assigned.deal_id = candidates.deal_id
            and not list_contains(
                assigned.documents_taken, candidates.company_id || ':' || candidates.invoice_id
            )
            and not list_contains(assigned.steps_taken, candidates.plan_step)
    group by candidates.org_id, candidates.deal_id
{%- endmacro %}
