{{ config(tags=['before_scores']) }}

select
    org_id,
    id as contact_id,
    account_id,
    first_name,
    last_name,
    name as contact_name,
    email,
    phone,
    coalesce(
        cast(
            {{ optional_column(source('raw_salesforce', 'contact'), 'billing_contact__c') }}
            as boolean
        ),
        false
    ) as is_billing_contact,
    {{ is_deleted_or_gone('Contact') }} as is_deleted
from {{ source('raw_salesforce', 'contact') }}
