-- Invoices that fit several plan steps, one row per candidate, for a person to choose from.
with

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where match_state = 'ambiguous' and is_live

),

deals as (

    select * from {{ ref('int_deals__billable') }}

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
        {{ review_band('links.match_state', 'links.confidence') }} as band,
        case links.method
            when 'po_number' then 'The PO number is on several deals'
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
        cast(null as varchar) as evidence
    from links
    inner join deals on links.org_id = deals.org_id and links.deal_id = deals.deal_id

)

select * from final
