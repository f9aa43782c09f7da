-- One row per invoice that we wrote and that was not sent yet, where invoices are to be mailed
-- (`invoice_mail` is send): the address, or why it is not sent.
with

written as (

    select
        company_id,
        remote_id as invoice_id,
        min(record_id) as deal_id,
        min(finished_at) as written_at
    from {{ source('raw_state', 'ledger') }}
    where flow = 'invoices' and action = 'create' and status = 'done' and remote_id is not null
    group by company_id, remote_id

),

invoices as (

    select * from {{ ref('stg_quickbooks__invoices') }}
    where
        not is_deleted
        and not is_voided
        and email_status is distinct from 'EmailSent'

),

clock as (

    select * from {{ ref('int_clock') }}

),

joined as (

    select
        written.company_id,
        written.invoice_id,
        written.deal_id,
        invoices.document_number,
        invoices.customer_name,
        invoices.bill_email,
        invoices.balance,
        invoices.currency_code,
        cast(clock.as_of_at as date) - cast(written.written_at as date) as days_since,
        clock.as_of_at as data_as_of
    from written
    inner join invoices
        on written.company_id = invoices.company_id and written.invoice_id = invoices.invoice_id
    cross join clock
    where '{{ var("invoice_mail", "off") }}' = 'send'

),

final as (

    select
        * exclude (days_since, balance),
        case
            when bill_email is null then 'mail_address_missing'
            when balance <= 0 then 'nothing_open'
            when days_since > {{ var("invoice_mail_days", 7) }} then 'too_late_to_mail'
        end as blocked_reason,
        case
            when bill_email is null then 'The invoice has no e-mail address'
            when balance <= 0 then 'Nothing is open of it any more'
            when days_since > {{ var("invoice_mail_days", 7) }}
                then
                    'It was written ' || days_since || ' days ago; send it from QuickBooks if the '
                    || 'customer has not got it'
        end as blocked_detail
    from joined

)

select * from final
