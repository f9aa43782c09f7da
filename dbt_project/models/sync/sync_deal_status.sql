-- What the billing fields of each invoiced deal should say, beside what they say now.
-- A deal with several invoices shows the latest one, the sums over all, and the worst status.
{%- set fields = {
    'invoice_key': ('varchar', 'QBO_Invoice_Id__c'),
    'invoice_number': ('varchar', 'QBO_Invoice_Number__c'),
    'invoice_status': ('varchar', 'QBO_Invoice_Status__c'),
    'amount_paid': ('decimal(18, 2)', 'QBO_Amount_Paid__c'),
    'amount_due': ('decimal(18, 2)', 'QBO_Amount_Due__c'),
    'due_on': ('date', 'QBO_Due_Date__c'),
    'paid_on': ('date', 'QBO_Paid_Date__c'),
} %}
with

clock as (

    select * from {{ ref('int_clock') }}

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_usable

),

statuses as (

    select * from {{ ref('invoice_status') }}

),

deals as (

    select * from {{ judged(ref('stg_salesforce__opportunities')) }}

),

-- A deleted invoice shows as voided; of one that nobody ever read only the deal knows more.
documents as (

    select distinct
        links.org_id,
        links.deal_id,
        links.company_id,
        links.invoice_id,
        coalesce(statuses.document_number, deals.invoice_number) as document_number,
        coalesce(statuses.currency_code, deals.currency_code) as currency_code,
        coalesce(statuses.invoice_on, date '1900-01-01') as invoice_on,
        coalesce(statuses.due_on, deals.due_on) as due_on,
        case
            when statuses.invoice_status is null or statuses.invoice_status = 'Deleted'
                then 'Voided'
            else statuses.invoice_status
        end as invoice_status,
        coalesce(statuses.settled_amount - statuses.written_off_amount, 0) as settled_amount,
        coalesce(statuses.balance, 0) as balance,
        case when statuses.invoice_status = 'Paid' then statuses.last_payment_on end as paid_on,
        case statuses.invoice_status
            when 'Overdue' then 1
            when 'Partially Paid' then 2
            when 'Open' then 3
            when 'Written Off' then 4
            when 'Paid' then 5
            else 6
        end as status_rank
    from links
    inner join deals on links.org_id = deals.org_id and links.deal_id = deals.deal_id
    left join statuses
        on links.company_id = statuses.company_id and links.invoice_id = statuses.invoice_id

),

documents_summed as (

    select
        org_id,
        deal_id,
        arg_max(
            struct_pack(
                company_id := company_id,
                invoice_id := invoice_id,
                document_number := document_number,
                due_on := due_on
            ),
            (invoice_on, try_cast(invoice_id as bigint), invoice_id)
        ) as latest,
        arg_min(invoice_status, status_rank) as invoice_status,
        sum(settled_amount) as amount_paid,
        sum(balance) as amount_due,
        max(paid_on) as paid_on,
        min(currency_code) as currency_code,
        count(distinct currency_code) as currencies
    from documents
    group by org_id, deal_id

),

wanted as (

    select
        deals.org_id,
        deals.deal_id,
        deals.deal_name,
        documents_summed.latest.company_id,
        documents_summed.latest.invoice_id,
        documents_summed.latest.company_id || ':' || documents_summed.latest.invoice_id
            as invoice_key,
        documents_summed.latest.document_number as invoice_number,
        documents_summed.invoice_status,
        cast(documents_summed.amount_paid as decimal(18, 2)) as amount_paid,
        cast(documents_summed.amount_due as decimal(18, 2)) as amount_due,
        documents_summed.latest.due_on,
        case when documents_summed.invoice_status = 'Paid' then documents_summed.paid_on end
            as paid_on,
        documents_summed.currency_code,
        deals.invoice_key as current_invoice_key,
        deals.invoice_number as current_invoice_number,
        deals.invoice_status as current_invoice_status,
        deals.amount_paid as current_amount_paid,
        deals.amount_due as current_amount_due,
        deals.due_on as current_due_on,
        deals.paid_on as current_paid_on,
        deals.currency_code as current_currency_code,
        case
            when deals.is_deleted then 'deal_deleted'
            when documents_summed.currencies > 1 then 'mixed_currencies'
            when documents_summed.currency_code != deals.currency_code
                then 'wrong_invoice_currency'
            when
                count(*) over (
                    partition by
                        documents_summed.latest.company_id, documents_summed.latest.invoice_id
                ) > 1
                then 'invoice_on_several_deals'
        end as blocked_reason
    from documents_summed
    inner join deals
        on
            documents_summed.org_id = deals.org_id
            and documents_summed.deal_id = deals.deal_id

),

rules as (

    {{ field_rules('deal_status', fields.keys()) }}

),

written as (

    {{ last_status('deal_status', fields) }}

),

final as (

    select
        wanted.* exclude (blocked_reason),
        (
            wanted.invoice_key is distinct from wanted.current_invoice_key
            or wanted.invoice_number is distinct from wanted.current_invoice_number
            or wanted.invoice_status is distinct from wanted.current_invoice_status
            or wanted.amount_paid is distinct from wanted.current_amount_paid
            or wanted.amount_due is distinct from wanted.current_amount_due
            or wanted.due_on is distinct from wanted.current_due_on
            or wanted.paid_on is distinct from wanted.current_paid_on
        ) as is_changed,
        {{ status_left_alone(fields) }},
        case when is_changed then wanted.blocked_reason end as blocked_reason
    from wanted
    cross join clock
    cross join rules
    left join written
        on wanted.org_id = written.org_id and wanted.deal_id = written.record_id

)

select * from final
