{{ config(tags=['before_scores']) }}

select
    org_id,
    id as account_id,
    name as account_name,
    parent_id as parent_account_id,
    type as account_type,
    account_number,
    website,
    phone,
    billing_street,
    billing_city,
    billing_state,
    billing_postal_code,
    billing_country,
    shipping_street,
    shipping_city,
    shipping_state,
    shipping_postal_code,
    shipping_country,
    owner_id,
    {{ record_currency(source('raw_salesforce', 'account')) }} as currency_code,
    {{ optional_column(source('raw_salesforce', 'account'), 'payment_terms__c') }} as payment_terms,
    {{ optional_column(source('raw_salesforce', 'account'), 'qbo_customer_id__c') }}
        as linked_customer_key,
    cast(
        {{ optional_column(source('raw_salesforce', 'account'), 'qbo_open_balance__c') }}
        as decimal(18, 2)
    ) as open_balance,
    cast(
        {{ optional_column(source('raw_salesforce', 'account'), 'qbo_overdue_balance__c') }}
        as decimal(18, 2)
    ) as overdue_balance,
    cast(
        {{ optional_column(source('raw_salesforce', 'account'), 'qbo_open_credit__c') }}
        as decimal(18, 2)
    ) as open_credit,
    cast(
        {{ optional_column(source('raw_salesforce', 'account'), 'qbo_oldest_due_date__c') }}
        as date
    ) as oldest_due_on,
    cast(
        {{ optional_column(source('raw_salesforce', 'account'), 'qbo_last_payment_date__c') }}
        as date
    ) as last_payment_on,
    cast(
        {{ optional_column(source('raw_salesforce', 'account'), 'qbo_overdue__c') }} as boolean
    ) as is_overdue,
    {{ is_deleted_or_gone('Account') }} as is_deleted,
    master_record_id as master_account_id,
    cast(created_date as timestamptz) as created_at,
    cast(system_modstamp as timestamptz) as modified_at
from {{ source('raw_salesforce', 'account') }}
