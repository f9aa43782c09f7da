-- Which estimates belong to which deal: the deal carries the estimate's key, or the estimate names
-- the deal in its custom field.
with

estimates as (

    select * from {{ ref('stg_quickbooks__estimates') }}
    where not is_deleted

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

pairs as (

    select
        deals.org_id,
        deals.deal_id,
        estimates.company_id,
        estimates.estimate_id
    from estimates
    inner join deals
        on estimates.company_id || ':' || estimates.estimate_id = deals.estimate_key
    union distinct
    select
        deals.org_id,
        deals.deal_id,
        estimates.company_id,
        estimates.estimate_id
    from estimates
    inner join deals
        on left(trim(split_part(estimates.deal_reference, '/', 1)), 15) = left(deals.deal_id, 15)
    where length(trim(split_part(estimates.deal_reference, '/', 1))) in (15, 18)

),

final as (

    select
        pairs.org_id,
        pairs.deal_id,
        pairs.company_id,
        pairs.estimate_id,
        estimates.document_number,
        estimates.customer_id,
        estimates.estimate_status in ('Pending', 'Accepted') as is_open,
        invoices.invoice_id,
        invoices.document_number as invoice_number
    from pairs
    inner join estimates
        on
            pairs.company_id = estimates.company_id
            and pairs.estimate_id = estimates.estimate_id
    left join {{ ref('int_invoices__net') }} as invoices
        on
            pairs.company_id = invoices.company_id
            and pairs.estimate_id = invoices.estimate_id
            and invoices.is_live

)

select * from final
