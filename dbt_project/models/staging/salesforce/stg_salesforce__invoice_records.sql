-- Records of invoices that Crossfoot keeps in the org, where it is asked to; none elsewhere.
with

raw_records as (

    {{ rows_of(source('raw_salesforce', 'qbo_invoice__c'), {
        'org_id': 'varchar',
        'id': 'varchar',
        'name': 'varchar',
        'qbo_key__c': 'varchar',
        'qbo_invoice_date__c': 'date',
        'qbo_due_date__c': 'date',
        'qbo_total__c': 'decimal(18, 2)',
        'qbo_balance__c': 'decimal(18, 2)',
        'qbo_currency__c': 'varchar',
        'qbo_status__c': 'varchar',
        'qbo_last_payment_date__c': 'date',
        'qbo_deal__c': 'varchar',
        'qbo_account__c': 'varchar',
        'is_deleted': 'boolean',
    }) }}

)

select
    org_id,
    id as record_id,
    nullif(trim(qbo_key__c), '') as invoice_key,
    name as invoice_number,
    qbo_invoice_date__c as invoice_on,
    qbo_due_date__c as due_on,
    qbo_total__c as total_amount,
    qbo_balance__c as balance,
    qbo_currency__c as currency_code,
    qbo_status__c as invoice_status,
    qbo_last_payment_date__c as last_payment_on,
    qbo_deal__c as deal_id,
    qbo_account__c as account_id,
    {{ is_deleted_or_gone('QBO_Invoice__c') }} as is_deleted
from raw_records
