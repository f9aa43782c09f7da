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
        pair.document_key,
        pair.plan_step
    from (
        select
            org_id,
            deal_id,
            unnest(list_reduce(
                list(
                    {
                        'pairs': [{
                            'document_key': company_id || ':' || invoice_id,
                            'plan_step': plan_step
                        }],
                        'documents': [company_id || ':' || invoice_id],
                        'steps': [plan_step]
                    }
                    order by pair_rank
                ),
                lambda taken, best: case
                    when
                        list_contains(taken.documents, best.documents[1])
                        or list_contains(taken.steps, best.steps[1])
                        then taken
                    else {
                        'pairs': taken.pairs || best.pairs,
                        'documents': taken.documents || best.documents,
                        'steps': taken.steps || best.steps
                    }
                end
            ).pairs) as pair
        from {{ candidates }}
        group by org_id, deal_id
    ) as chosen
{%- endmacro %}
