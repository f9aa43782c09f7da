-- Customers to be made for accounts that are due an invoice, and linked customers whose fields that
-- Salesforce owns (seeds/field_owners.csv) differ. What a person changed in QuickBooks although
-- Salesforce owns it stands in `conflict_fields`.
with

combined as (

    select * from {{ ref('int_customers__to_update') }}
    union all by name
    select * from {{ ref('int_customers__to_create') }}

),

final as (

    select
        org_id,
        account_id,
        account_name,
        company_id,
        action,
        customer_id,
        sync_token,
        cast(1 as integer) as generation,
        change_key,
        display_name,
        company_name,
        given_name,
        family_name,
        email,
        phone,
        website,
        billing_line1,
        billing_city,
        billing_state,
        billing_postal_code,
        billing_country,
        shipping_line1,
        shipping_city,
        shipping_state,
        shipping_postal_code,
        shipping_country,
        term_id,
        currency_code,
        parent_customer_id,
        parent_change_key,
        current_display_name,
        current_company_name,
        current_given_name,
        current_family_name,
        current_email,
        current_phone,
        current_website,
        current_billing_line1,
        current_billing_city,
        current_billing_state,
        current_billing_postal_code,
        current_billing_country,
        current_shipping_line1,
        current_shipping_city,
        current_shipping_state,
        current_shipping_postal_code,
        current_shipping_country,
        current_term_id,
        current_currency_code,
        conflict_fields,
        blocked_reason,
        blocked_detail
    from combined

)

select * from final
