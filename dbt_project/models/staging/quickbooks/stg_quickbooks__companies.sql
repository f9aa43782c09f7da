with

company_info as (
    select
        company_id,
        from_json(payload, '{
            "CompanyName": "VARCHAR", "LegalName": "VARCHAR", "Country": "VARCHAR"
        }') as doc
    from {{ source('raw_quickbooks', 'company_info') }}
),

preferences as (
    select
        company_id,
        from_json(payload, '{
            "CurrencyPrefs": {
                "HomeCurrency": {"value": "VARCHAR"}, "MultiCurrencyEnabled": "BOOLEAN"
            },
            "AccountingInfoPrefs": {
                "BookCloseDate": "DATE", "ClassTrackingPerTxn": "BOOLEAN",
                "ClassTrackingPerTxnLine": "BOOLEAN", "TrackDepartments": "BOOLEAN"
            },
            "SalesFormsPrefs": {
                "CustomTxnNumbers": "BOOLEAN", "AllowDiscount": "BOOLEAN",
                "DefaultDiscountAccount": "VARCHAR"
            },
            "TaxPrefs": {
                "UsingSalesTax": "BOOLEAN", "PartnerTaxEnabled": "BOOLEAN",
                "TaxGroupCodeRef": {"value": "VARCHAR"}
            }
        }') as doc
    from {{ source('raw_quickbooks', 'preferences') }}
)

select
    company_info.company_id,
    company_info.doc."CompanyName" as company_name,
    company_info.doc."LegalName" as legal_name,
    company_info.doc."Country" as country,
    preferences.doc."CurrencyPrefs"."HomeCurrency".value as home_currency_code,
    coalesce(preferences.doc."CurrencyPrefs"."MultiCurrencyEnabled", false) as is_multi_currency,
    preferences.doc."AccountingInfoPrefs"."BookCloseDate" as books_closed_on,
    coalesce(preferences.doc."AccountingInfoPrefs"."ClassTrackingPerTxn", false)
        as has_class_per_invoice,
    coalesce(preferences.doc."AccountingInfoPrefs"."ClassTrackingPerTxnLine", false)
        as has_class_per_line,
    coalesce(preferences.doc."AccountingInfoPrefs"."TrackDepartments", false) as has_locations,
    coalesce(preferences.doc."SalesFormsPrefs"."CustomTxnNumbers", false)
        as has_custom_numbers,
    coalesce(preferences.doc."SalesFormsPrefs"."AllowDiscount", true) as is_discount_allowed,
    preferences.doc."SalesFormsPrefs"."DefaultDiscountAccount" as default_discount_account_id,
    coalesce(preferences.doc."TaxPrefs"."UsingSalesTax", false) as is_using_sales_tax,
    coalesce(preferences.doc."TaxPrefs"."PartnerTaxEnabled", false) as is_tax_by_address,
    preferences.doc."TaxPrefs"."TaxGroupCodeRef".value as default_tax_code_id
from company_info
left join preferences on company_info.company_id = preferences.company_id
