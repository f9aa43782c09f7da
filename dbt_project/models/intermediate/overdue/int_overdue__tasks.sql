-- The task of each invoice: the one that bears its mark, or the one that the ledger says we made.
with

tasks as (

    select * from {{ judged(ref('stg_salesforce__tasks')) }}

),

ledger as (

    select * from {{ source('raw_state', 'ledger') }}
    where flow = 'overdue' and entity = 'Task' and action = 'create' and status = 'done'

),

named as (

    select
        regexp_extract(description, 'Crossfoot overdue (\d+)-(\w+)', 1) as company_id,
        regexp_extract(description, 'Crossfoot overdue (\d+)-(\w+)', 2) as invoice_id,
        task_id
    from tasks
    where starts_with(description, 'Crossfoot overdue ')
    union distinct
    select
        split_part(record_id, '-', 1) as company_id,
        split_part(record_id, '-', 2) as invoice_id,
        remote_id as task_id
    from ledger

),

final as (

    select
        named.company_id,
        named.invoice_id,
        named.task_id,
        tasks.task_status,
        tasks.priority,
        tasks.due_on,
        coalesce(tasks.is_closed, false) as is_closed,
        coalesce(tasks.is_deleted, true) as is_gone
    from named
    left join tasks on named.task_id = tasks.task_id
    where named.invoice_id != ''
    qualify row_number() over (
        partition by named.company_id, named.invoice_id
        order by coalesce(tasks.is_deleted, true) asc, named.task_id asc
    ) = 1

)

select * from final
