-- Invoices that fit several plan steps, one row per candidate, for a person to choose from.
with

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where match_state = 'ambiguous' and is_live

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

decisions as (

    select * from {{ ref('int_invoices__decided') }}
    where decision = 'returned'

),

evidence as (

    {{ invoice_evidence('links') }}

),

final as (

    select
        md5(concat_ws(
            '|', 'invoice', links.org_id, links.deal_id, links.plan_step,
            links.company_id, links.invoice_id
        )) as review_id,
        'invoice' as subject,
        links.org_id,
        links.deal_id || '/' || links.plan_step as left_id,
        deals.deal_name as left_name,
        links.company_id,
        links.invoice_id as right_id,
        coalesce(links.document_number, links.invoice_id) || ' ' || links.customer_name
            as right_name,
        links.match_state,
        links.confidence,
        links.method as rule,
        {{ review_band('links.match_state', 'links.confidence', 'decisions.returned_because') }}
            as band,
        coalesce(decisions.returned_because || '. Now: ', '')
        || case links.method
            when 'mark' then 'Our mark names several deals'
            when 'custom_field' then 'The custom field names the deal'
            when 'po_number' then 'The PO number is on several deals'
            when 'estimate' then 'It was made from the estimate of the deal'
            when 'deal_field' then 'The deal names the invoice, as others do'
            when 'document_number' then 'Several deals bear the number of the invoice'
            else 'Same customer, currency and amount, ' || links.days_apart || ' days apart'
        end as reason,
        cast((row_number() over (
            partition by links.company_id, links.invoice_id
            order by
                links.days_apart nulls last, links.due_on, links.deal_id, links.plan_step
        )) as integer) as candidate_rank,
        cast((count(*) over (partition by links.company_id, links.invoice_id)) as integer)
            as candidates,
        links.net_amount as amount_at_stake,
        links.currency_code,
        'the deal counts as invoiced: not billed' as if_wrongly_confirmed,
        'the deal is invoiced again: billed twice' as if_wrongly_rejected,
        evidence.evidence
    from links
    inner join deals on links.org_id = deals.org_id and links.deal_id = deals.deal_id
    left join evidence
        on
            links.org_id = evidence.org_id
            and links.deal_id = evidence.deal_id
            and links.plan_step = evidence.plan_step
            and links.company_id = evidence.company_id
            and links.invoice_id = evidence.invoice_id
    left join decisions
        on
            links.org_id = decisions.org_id
            and links.deal_id = decisions.deal_id
            and links.plan_step = coalesce(decisions.plan_step, 1)
            and links.company_id = decisions.company_id
            and links.invoice_id = decisions.invoice_id

)

select * from final
