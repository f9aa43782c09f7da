select
    org_id,
    id as deal_id,
    name as deal_name,
    account_id,
    stage_name,
    coalesce(is_won, false) as is_won,
    coalesce(is_closed, false) as is_closed,
    cast(close_date as date) as closed_on,
    cast(amount as decimal(18, 2)) as amount,
    {{ record_currency(source('raw_salesforce', 'opportunity')) }} as currency_code,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'billing_plan__c') }}
        as billing_plan,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'po_number__c') }} as po_number,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'billing_region__c') }}
        as billing_region,
    owner_id,
    coalesce(has_opportunity_line_item, false) as has_lines,
    pricebook2_id as pricebook_id,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_invoice_id__c') }}
        as invoice_key,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_invoice_number__c') }}
        as invoice_number,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_estimate_id__c') }}
        as estimate_key,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_estimate_version__c') }}
        as estimate_version,
    {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_invoice_status__c') }}
        as invoice_status,
    cast(
        {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_amount_paid__c') }}
        as decimal(18, 2)
    ) as amount_paid,
    cast(
        {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_amount_due__c') }}
        as decimal(18, 2)
    ) as amount_due,
    cast(
        {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_due_date__c') }}
        as date
    ) as due_on,
    cast(
        {{ optional_column(source('raw_salesforce', 'opportunity'), 'qbo_paid_date__c') }}
        as date
    ) as paid_on,
    {{ is_deleted_or_gone('Opportunity') }} as is_deleted,
    cast(created_date as timestamptz) as created_at,
    cast(system_modstamp as timestamptz) as modified_at
from {{ source('raw_salesforce', 'opportunity') }}
