{{ config(materialized='table', tags=['before_scores']) }}

with

raw_customers as (
    select
        *,
        from_json(payload, '{
            "DisplayName": "VARCHAR", "CompanyName": "VARCHAR", "GivenName": "VARCHAR",
            "FamilyName": "VARCHAR", "FullyQualifiedName": "VARCHAR",
            "ParentRef": {"value": "VARCHAR"}, "Job": "BOOLEAN",
            "PrimaryEmailAddr": {"Address": "VARCHAR"},
            "PrimaryPhone": {"FreeFormNumber": "VARCHAR"},
            "AlternatePhone": {"FreeFormNumber": "VARCHAR"},
            "Mobile": {"FreeFormNumber": "VARCHAR"},
            "WebAddr": {"URI": "VARCHAR"},
            "BillAddr": {
                "Line1": "VARCHAR", "Line2": "VARCHAR", "City": "VARCHAR",
                "CountrySubDivisionCode": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"
            },
            "ShipAddr": {
                "Line1": "VARCHAR", "City": "VARCHAR",
                "CountrySubDivisionCode": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"
            },
            "CurrencyRef": {"value": "VARCHAR"}, "SalesTermRef": {"value": "VARCHAR"},
            "Taxable": "BOOLEAN", "DefaultTaxCodeRef": {"value": "VARCHAR"}, "Balance": "DECIMAL(18,2)", "Active": "BOOLEAN",
            "ResaleNum": "VARCHAR", "Notes": "VARCHAR"
        }') as doc
    from {{ source('raw_quickbooks', 'customer') }}
),

deletions as (
    {{ deletions_of('Customer', 'customer') }}
)

select
    raw_customers.company_id,
    raw_customers.id as customer_id,
    raw_customers.doc."DisplayName" as display_name,
    raw_customers.doc."CompanyName" as company_name,
    raw_customers.doc."GivenName" as given_name,
    raw_customers.doc."FamilyName" as family_name,
    raw_customers.doc."FullyQualifiedName" as fully_qualified_name,
    raw_customers.doc."ParentRef".value as parent_customer_id,
    coalesce(raw_customers.doc."Job", false) as is_sub_customer,
    raw_customers.doc."PrimaryEmailAddr"."Address" as email,
    raw_customers.doc."PrimaryPhone"."FreeFormNumber" as phone,
    raw_customers.doc."AlternatePhone"."FreeFormNumber" as alternate_phone,
    raw_customers.doc."Mobile"."FreeFormNumber" as mobile_phone,
    raw_customers.doc."WebAddr"."URI" as website,
    raw_customers.doc."BillAddr"."Line1" as billing_line1,
    raw_customers.doc."BillAddr"."Line2" as billing_line2,
    raw_customers.doc."BillAddr"."City" as billing_city,
    raw_customers.doc."BillAddr"."CountrySubDivisionCode" as billing_state,
    raw_customers.doc."BillAddr"."PostalCode" as billing_postal_code,
    raw_customers.doc."BillAddr"."Country" as billing_country,
    raw_customers.doc."ShipAddr"."Line1" as shipping_line1,
    raw_customers.doc."ShipAddr"."City" as shipping_city,
    raw_customers.doc."ShipAddr"."CountrySubDivisionCode" as shipping_state,
    raw_customers.doc."ShipAddr"."PostalCode" as shipping_postal_code,
    raw_customers.doc."ShipAddr"."Country" as shipping_country,
    raw_customers.doc."CurrencyRef".value as currency_code,
    raw_customers.doc."SalesTermRef".value as term_id,
    coalesce(raw_customers.doc."Taxable", false) as taxable,
    raw_customers.doc."DefaultTaxCodeRef".value as default_tax_code_id,
    coalesce(raw_customers.doc."Balance", 0) as balance,
    coalesce(raw_customers.doc."Active", true) as is_active,
    raw_customers.sync_token,
    deletions.deleted_at is not null as is_deleted,
    raw_customers.created_at,
    raw_customers.last_updated_at as modified_at
from raw_customers
left join deletions
    on raw_customers.company_id = deletions.company_id and raw_customers.id = deletions.id
