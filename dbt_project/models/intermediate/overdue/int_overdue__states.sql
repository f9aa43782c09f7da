-- One state for each invoice that is overdue or for which there is a task, and the step of the
-- escalation that its days have reached.
--
--   (none) ── due date passed ──► chased ── paid, voided, credited ──► settled
--                                  │  ▲
--                    the owner says so on the task, or the promised day has passed
--                                  ▼  │
--                          disputed, promised          handled (the owner completed the task)
--
-- Disputed, promised and handled stop task, mail and escalation; a promise holds until the task's
-- due date.
with

invoices as (

    select * from {{ ref('invoice_status') }}

),

tasks as (

    select * from {{ ref('int_overdue__tasks') }}

),

meanings as (

    select * from {{ ref('overdue_task_states') }}

),

steps as (

    select * from {{ ref('overdue_steps') }}

),

links as (

    select * from {{ ref('int_customers__linked') }}

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted

),

users as (

    select * from {{ judged(ref('stg_salesforce__users')) }}
    where is_active

),

customers as (

    select * from {{ ref('stg_quickbooks__customers') }}

),

ledger as (

    select * from {{ source('raw_state', 'ledger') }}
    where flow = 'overdue' and entity = 'EmailMessage'

),

clock as (

    select * from {{ ref('int_clock') }}

),

account_links as (

    select
        links.company_id,
        links.customer_id,
        min(accounts.org_id) as org_id,
        min(accounts.account_id) as account_id,
        min(accounts.account_name) as account_name,
        min(users.user_id) as owner_id,
        count(distinct accounts.account_id) as account_count
    from links
    inner join accounts
        on links.org_id = accounts.org_id and links.account_id = accounts.account_id
    left join users
        on accounts.org_id = users.org_id and accounts.owner_id = users.user_id
    group by links.company_id, links.customer_id

),

-- What was sent, and what nobody knows of: both count as sent.
mails_sent as (

    select
        split_part(record_id, '-', 1) as company_id,
        split_part(record_id, '-', 2) as invoice_id,
        max(plan_step) as mail_step,
        max(intended_at) as mailed_at
    from ledger
    where status in ('done', 'open', 'unknown')
    group by all

),

steps_reached as (

    select
        invoices.company_id,
        invoices.invoice_id,
        max(steps.step) as step
    from invoices
    inner join steps on invoices.days_overdue >= steps.after_days
    group by invoices.company_id, invoices.invoice_id

),

invoices_joined as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.document_number,
        invoices.customer_id,
        invoices.customer_name,
        invoices.currency_code,
        invoices.invoice_on,
        invoices.due_on,
        invoices.balance,
        invoices.invoice_status,
        coalesce(invoices.days_overdue, 0) as days_overdue,
        steps_reached.step,
        account_links.org_id,
        account_links.account_id,
        account_links.account_name,
        account_links.owner_id,
        coalesce(account_links.account_count, 0) as account_count,
        customers.email,
        tasks.task_id,
        tasks.task_status,
        tasks.priority as task_priority,
        tasks.due_on as task_due_on,
        coalesce(tasks.is_closed, false) as is_task_closed,
        coalesce(tasks.is_gone, false) as is_task_gone,
        meanings.meaning,
        mails_sent.mail_step,
        mails_sent.mailed_at,
        clock.as_of_on,
        clock.as_of_at
    from invoices
    cross join clock
    left join steps_reached
        on
            invoices.company_id = steps_reached.company_id
            and invoices.invoice_id = steps_reached.invoice_id
    left join tasks
        on
            invoices.company_id = tasks.company_id
            and invoices.invoice_id = tasks.invoice_id
    left join meanings on tasks.task_status = meanings.task_status
    left join account_links
        on
            invoices.company_id = account_links.company_id
            and invoices.customer_id = account_links.customer_id
    left join customers
        on
            invoices.company_id = customers.company_id
            and invoices.customer_id = customers.customer_id
    left join mails_sent
        on
            invoices.company_id = mails_sent.company_id
            and invoices.invoice_id = mails_sent.invoice_id
    where steps_reached.step is not null or tasks.task_id is not null

),

final as (

    select
        *,
        case
            when balance = 0 then 'settled'
            when step is null then 'not_due'
            when meaning = 'disputed' then 'disputed'
            when meaning = 'promised' and coalesce(task_due_on >= as_of_on, true) then 'promised'
            when meaning = 'handled' or is_task_closed or is_task_gone then 'handled'
            when balance < {{ var('overdue_least_balance', '1.00') }} then 'small'
            else 'chased'
        end as state
    from invoices_joined

)

select * from final
