{#-
    The rules of a plan step. They stand here once, for the step as it is now
    (int_reconciliation__outcomes and its neighbours) and for the step on any day (`steps_as_of`).
-#}

{#- Does a document with this placement bill its step? -#}
{% macro is_billing(placement='placement') -%}
    {{ placement }} in ('billed', 'early')
{%- endmacro %}

{#- What the documents of a step come to together. -#}
{% macro documents_together() -%}
    count(*) as documents,
    count(*) filter (where {{ is_billing() }}) as documents_billed,
    sum(amount) filter (where {{ is_billing() }}) as invoiced_amount,
    sum(line_count) filter (where {{ is_billing() }}) as lines_billed,
    sum(amount) filter (where placement = 'duplicate') as duplicate_amount,
    min(invoice_on) filter (where {{ is_billing() }}) as first_invoice_on
{%- endmacro %}

{#- What is told of a document that bills a step. -#}
{% macro document_told() -%}
    struct_pack(
        company_id := company_id,
        invoice_id := invoice_id,
        document_number := document_number,
        customer_id := customer_id,
        customer_name := customer_name,
        is_wrong_customer := is_wrong_customer
    )
{%- endmacro %}

{#- Of several that bill a step the one told of it: what is wrong first, then the largest. -#}
{% macro main_document(told) -%}
    arg_max({{ told }}, (is_wrong_customer, amount, invoice_on, invoice_id))
{%- endmacro %}

{#- The latest invoice of a step of those in `links` that are no longer there; `gone_on` is the day
    on which it went. -#}
{% macro predecessor(gone_on) -%}
    arg_max(
        struct_pack(
            company_id := links.company_id,
            invoice_id := links.invoice_id,
            document_number := links.document_number,
            customer_id := links.customer_id,
            customer_name := links.customer_name,
            is_deleted := links.is_deleted,
            invoice_on := links.invoice_on,
            gone_on := {{ gone_on }}
        ),
        (coalesce(links.invoice_on, date '1900-01-01'), links.invoice_id)
    )
{%- endmacro %}

{#- Invoices that are held and stand no more, with the day on which each went. Of a void the service
    keeps no moment but that of the document's last change. -#}
{% macro invoices_gone(invoices) -%}
    select
        company_id,
        invoice_id,
        cast(timezone('UTC', coalesce(deleted_at, modified_at)) as date) as gone_on
    from {{ invoices }}
    where is_deleted or is_voided
{%- endmacro %}

{#- How a step stands. Exactly one of these; the first that fits. An invoice that was voided later
    `is_standing` on the days before. -#}
{% macro step_outcome(is_undecided, is_gone, gone_on, is_standing=none) -%}
    case
        when documents_billed > 0 then 'invoiced'
        when documents > 0 then 'misplaced'
        when {{ is_undecided }} then 'undecided'
        when not is_due then 'not_due'
        {%- if is_standing %}
        when {{ is_standing }} then 'standing'
        {%- endif %}
        when {{ gone_on }} > as_of_on - {{ var('replacement_days', 5) }} then 'being_replaced'
        when {{ is_gone }} then 'voided'
        when amount <= 0 then 'to_be_credited'
        when is_past_grace then 'unbilled'
        else 'in_grace'
    end
{%- endmacro %}

{#- A credit that takes back a duplicate settles it. -#}
{% macro is_duplicate_settled() -%}
    duplicate_amount > 0
    and invoiced_amount + duplicate_amount - credited_amount <= amount + tolerance
{%- endmacro %}

{#- What is invoiced of a step after its credits. A settled duplicate belongs to it, because the
    credit that takes it back does. -#}
{% macro net_invoiced() -%}
    cast((
        invoiced_amount
        + case when is_duplicate_settled then duplicate_amount else 0 end
        - credited_amount
    ) as decimal(18, 2))
{%- endmacro %}

{#- A step that is invoiced with less than planned once it is due, or after its credits with more. -#}
{% macro differs_from_plan() -%}
    outcome = 'invoiced'
    and (
        (invoiced_amount < amount - tolerance and is_due)
        or net_invoiced_amount > amount + tolerance
    )
{%- endmacro %}

{% macro class_of_difference() -%}
    case when invoiced_amount < amount then 'UNDER_BILLED' else 'OVER_BILLED' end
{%- endmacro %}

{% macro value_of_difference() -%}
    case
        when invoiced_amount < amount then amount - invoiced_amount
        else net_invoiced_amount - amount
    end
{%- endmacro %}

{#- A step that its credits have brought below what the deal promises. -#}
{% macro is_credited_below_plan() -%}
    steps.outcome = 'invoiced'
    and steps.net_invoiced_amount < steps.amount - steps.tolerance
{%- endmacro %}

{#- Invoices of deals that are not won any more. What was credited takes back the earliest invoice of
    the step first, each no further than to nothing; `left_amount` is what stands of each. `on_day`
    keeps days apart where several are asked about. -#}
{% macro invoices_not_won(on_day=false) -%}
    select
        documents.*,
        least(
            documents.amount,
            sum(documents.amount) over (
                partition by
                    {% if on_day %}documents.as_of_on, {% endif -%}
                    documents.org_id, documents.deal_id, documents.plan_step
                order by documents.invoice_on, documents.company_id, documents.invoice_id
            ) - coalesce(credits_summed.credited_amount, 0)
        ) as left_amount
    from documents
    left join credits_summed
        on
            documents.org_id = credits_summed.org_id
            and documents.deal_id = credits_summed.deal_id
            and documents.plan_step = credits_summed.plan_step
            {%- if on_day %}
            and documents.as_of_on = credits_summed.as_of_on
            {%- endif %}
    where documents.placement = 'not_won'
{%- endmacro %}
