-- The record that Salesforce should have of each invoice, beside the one that it has: of invoices
-- that bill a deal, and of those of linked accounts that are open or not older than the go-live.
-- Empty unless `invoice_object` is on.
{%- set fields = {
    'invoice_number': ('varchar', 'Name'),
    'invoice_on': ('date', 'QBO_Invoice_Date__c'),
    'due_on': ('date', 'QBO_Due_Date__c'),
    'total_amount': ('decimal(18, 2)', 'QBO_Total__c'),
    'balance': ('decimal(18, 2)', 'QBO_Balance__c'),
    'currency_code': ('varchar', 'QBO_Currency__c'),
    'invoice_status': ('varchar', 'QBO_Status__c'),
    'last_payment_on': ('date', 'QBO_Last_Payment_Date__c'),
    'deal_id': ('varchar', 'QBO_Deal__c'),
    'account_id': ('varchar', 'QBO_Account__c'),
} %}
with

clock as (

    select * from {{ ref('int_clock') }}

),

statuses as (

    select * from {{ ref('invoice_status') }}
    where '{{ var("invoice_object", "off") }}' = 'on'

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_usable

),

deals as (

    select * from {{ judged(ref('stg_salesforce__opportunities')) }}
    where not is_deleted

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted

),

customers as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct

),

records as (

    select * from {{ judged(ref('stg_salesforce__invoice_records')) }}
    where not is_deleted

),

-- Of an invoice that bills several deals, or a customer of several accounts, none is named.
deals_billed as (

    select
        links.company_id,
        links.invoice_id,
        min(deals.org_id) as org_id,
        case when count(distinct deals.deal_id) = 1 then min(deals.deal_id) end as deal_id,
        case when count(distinct deals.account_id) = 1 then min(deals.account_id) end
            as account_id
    from links
    inner join deals on links.org_id = deals.org_id and links.deal_id = deals.deal_id
    group by links.company_id, links.invoice_id

),

accounts_linked as (

    select
        customers.company_id,
        customers.customer_id,
        min(accounts.org_id) as org_id,
        case when count(distinct accounts.account_id) = 1 then min(accounts.account_id) end
            as account_id
    from customers
    inner join accounts
        on customers.org_id = accounts.org_id and customers.account_id = accounts.account_id
    group by customers.company_id, customers.customer_id

),

invoices as (

    select
        statuses.*,
        coalesce(deals_billed.org_id, accounts_linked.org_id) as org_id,
        deals_billed.deal_id,
        coalesce(deals_billed.account_id, accounts_linked.account_id) as account_id,
        deals_billed.invoice_id is not null as is_billing_deal
    from statuses
    left join deals_billed
        on
            statuses.company_id = deals_billed.company_id
            and statuses.invoice_id = deals_billed.invoice_id
    left join accounts_linked
        on
            statuses.company_id = accounts_linked.company_id
            and statuses.customer_id = accounts_linked.customer_id

),

wanted as (

    select
        invoices.org_id,
        invoices.company_id,
        invoices.invoice_id,
        invoices.company_id || ':' || invoices.invoice_id as invoice_key,
        invoices.company_id || '-' || invoices.invoice_id as key_id,
        records.record_id,
        coalesce(invoices.document_number, invoices.invoice_id) as invoice_number,
        invoices.invoice_on,
        invoices.due_on,
        invoices.gross_amount as total_amount,
        invoices.balance,
        invoices.currency_code,
        case invoices.invoice_status when 'Deleted' then 'Voided' else invoices.invoice_status end
            as invoice_status,
        invoices.last_payment_on,
        invoices.deal_id,
        invoices.account_id,
        records.invoice_number as current_invoice_number,
        records.invoice_on as current_invoice_on,
        records.due_on as current_due_on,
        records.total_amount as current_total_amount,
        records.balance as current_balance,
        records.currency_code as current_currency_code,
        records.invoice_status as current_invoice_status,
        records.last_payment_on as current_last_payment_on,
        records.deal_id as current_deal_id,
        records.account_id as current_account_id
    from invoices
    left join records
        on
            invoices.org_id = records.org_id
            and invoices.company_id || ':' || invoices.invoice_id = records.invoice_key
    where
        invoices.org_id is not null
        and (
            invoices.is_billing_deal
            or records.record_id is not null
            or invoices.balance > 0
            or invoices.invoice_on >= date '{{ var("go_live_on", "2026-10-01") }}'
        )
        and (records.record_id is not null or invoices.invoice_status != 'Deleted')

),

rules as (

    {{ field_rules('invoice_records', fields.keys()) }}

),

written as (

    {{ last_status('deal_status', fields) }}

),

final as (

    select
        wanted.* exclude (key_id),
        (
            wanted.record_id is null
            or wanted.invoice_number is distinct from wanted.current_invoice_number
            or wanted.invoice_on is distinct from wanted.current_invoice_on
            or wanted.due_on is distinct from wanted.current_due_on
            or wanted.total_amount is distinct from wanted.current_total_amount
            or wanted.balance is distinct from wanted.current_balance
            or wanted.currency_code is distinct from wanted.current_currency_code
            or wanted.invoice_status is distinct from wanted.current_invoice_status
            or wanted.last_payment_on is distinct from wanted.current_last_payment_on
            or wanted.deal_id is distinct from wanted.current_deal_id
            or wanted.account_id is distinct from wanted.current_account_id
        ) as is_changed,
        {{ status_left_alone(fields) }},
        cast(null as varchar) as blocked_reason
    from wanted
    cross join clock
    cross join rules
    -- A record that is gone was changed by nobody.
    left join written
        on
            wanted.org_id = written.org_id
            and wanted.key_id = written.record_id
            and wanted.record_id is not null

)

select * from final
