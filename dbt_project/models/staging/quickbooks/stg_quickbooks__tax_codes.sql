with

raw_tax_codes as (
    select
        *,
        from_json(payload, '{
            "Name": "VARCHAR", "Description": "VARCHAR", "Taxable": "BOOLEAN", "Active": "BOOLEAN",
            "SalesTaxRateList": {"TaxRateDetail": [{"TaxRateRef": {"value": "VARCHAR"}}]}
        }') as doc
    from {{ source('raw_quickbooks', 'tax_code') }}
)

select
    company_id,
    id as tax_code_id,
    doc."Name" as tax_code_name,
    doc."Description" as description,
    coalesce(doc."Taxable", false) as is_taxable,
    list_transform(
        doc."SalesTaxRateList"."TaxRateDetail", lambda detail: detail."TaxRateRef".value
    ) as sales_tax_rate_ids,
    coalesce(doc."Active", true) as is_active
from raw_tax_codes
