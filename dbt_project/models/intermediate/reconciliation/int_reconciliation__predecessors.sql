-- The latest invoice of a step that is no longer there.
with

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_usable and not is_live

),

invoices as (

    {{ invoices_gone(ref('stg_quickbooks__invoices')) }}

),

final as (

    select
        links.org_id,
        links.deal_id,
        links.plan_step,
        {{ predecessor('invoices.gone_on') }} as predecessor
    from links
    left join invoices
        on links.company_id = invoices.company_id and links.invoice_id = invoices.invoice_id
    group by links.org_id, links.deal_id, links.plan_step

)

select * from final
