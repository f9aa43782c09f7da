{{ config(materialized='table') }}

with

raw_estimates as (
    select
        *,
        from_json(payload, '{{ sales_document_shape() }}') as doc
    from {{ source('raw_quickbooks', 'estimate') }}
),

deletions as (
    {{ deletions_of('Estimate', 'estimate') }}
)

select
    raw_estimates.company_id,
    raw_estimates.id as estimate_id,
    raw_estimates.doc."DocNumber" as document_number,
    raw_estimates.doc."CustomerRef".value as customer_id,
    raw_estimates.doc."CustomerRef".name as customer_name,
    raw_estimates.doc."TxnDate" as estimated_on,
    raw_estimates.doc."ExpirationDate" as expires_on,
    raw_estimates.doc."TxnStatus" as estimate_status,
    raw_estimates.doc."AcceptedDate" as accepted_on,
    raw_estimates.doc."CurrencyRef".value as currency_code,
    raw_estimates.doc."TotalAmt" as total_amount,
    coalesce(raw_estimates.doc."TxnTaxDetail"."TotalTax", 0) as tax_amount,
    raw_estimates.doc."PrivateNote" as private_note,
    {{ custom_field('raw_estimates.doc."CustomField"', 'PO Number') }} as po_reference,
    {{ custom_field('raw_estimates.doc."CustomField"', 'Salesforce Deal') }} as deal_reference,
    deletions.deleted_at is not null as is_deleted,
    raw_estimates.sync_token,
    raw_estimates.created_at,
    raw_estimates.last_updated_at as modified_at,
    raw_estimates.doc."Line" as lines
from raw_estimates
left join deletions
    on raw_estimates.company_id = deletions.company_id and raw_estimates.id = deletions.id
