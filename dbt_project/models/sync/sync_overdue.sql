-- What is to be done about overdue invoices, one row for each act: open the task, move it on, close
-- it, send a reminder; or why not. What was sent already is said by the ledger.
with

states as (

    select * from {{ ref('int_overdue__states') }}

),

steps as (

    select * from {{ ref('overdue_steps') }}

),

clock as (

    select
        *,
        as_of_at at time zone '{{ var("overdue_time_zone", "UTC") }}' as local_at
    from {{ ref('int_clock') }}

),

quiet as (

    select
        isodow(local_at) > 5
        or cast(local_at as time) < time '{{ var("overdue_mail_from", "08:00") }}'
        or cast(local_at as time) >= time '{{ var("overdue_mail_until", "18:00") }}' as is_quiet
    from clock

),

-- The next step that sends a mail and has not, of those that its days have reached.
mail_steps as (

    select
        states.company_id,
        states.invoice_id,
        min(steps.step) as next_mail_step
    from states
    inner join steps
        on
            states.step >= steps.step
            and steps.sends_mail
            and steps.step > coalesce(states.mail_step, 0)
    group by states.company_id, states.invoice_id

),

states_stepped as (

    select
        states.*,
        steps.priority as step_priority,
        mail_steps.next_mail_step,
        quiet.is_quiet,
        {{ add_business_days('states.as_of_on', 2) }} as wanted_due_on,
        'Crossfoot overdue ' || states.company_id || '-' || states.invoice_id as mark,
        coalesce(states.document_number, states.invoice_id) as number_shown
    from states
    cross join quiet
    left join steps on states.step = steps.step
    left join mail_steps
        on
            states.company_id = mail_steps.company_id
            and states.invoice_id = mail_steps.invoice_id

),

opened as (

    select
        *,
        'open_task' as act,
        0 as plan_step,
        case
            when account_count = 0 then 'account_not_matched'
            when account_count > 1 then 'customer_linked_twice'
        end as blocked_reason
    from states_stepped
    where state = 'chased' and task_id is null

),

-- A task is moved on when its priority is below the step's, or when a promised day has passed.
moved as (

    select
        *,
        'move_task' as act,
        0 as plan_step,
        cast(null as varchar) as blocked_reason
    from states_stepped
    where
        state = 'chased'
        and task_id is not null
        and (
            meaning = 'promised'
            or (step_priority = 'High' and coalesce(task_priority, '') != 'High')
        )

),

closed as (

    select
        *,
        'close_task' as act,
        0 as plan_step,
        cast(null as varchar) as blocked_reason
    from states_stepped
    where
        state in ('settled', 'not_due') and task_id is not null
        and not is_task_closed and not is_task_gone

),

mailed as (

    select
        *,
        'send_mail' as act,
        next_mail_step as plan_step,
        case
            when account_count = 0 then 'account_not_matched'
            when account_count > 1 then 'customer_linked_twice'
            when email is null then 'mail_address_missing'
            when is_quiet then 'quiet_hours'
        end as blocked_reason
    from states_stepped
    where
        '{{ var("overdue_mail", "off") }}' != 'off'
        and state = 'chased'
        and next_mail_step is not null
        and coalesce(
            mailed_at <= as_of_at - interval '{{ var("overdue_mail_every_days", 7) }} days', true
        )

),

combined as (

    select * from opened
    union all by name
    select * from moved
    union all by name
    select * from closed
    union all by name
    select * from mailed

),

final as (

    select
        org_id,
        company_id,
        invoice_id,
        document_number,
        act,
        cast(plan_step as integer) as plan_step,
        state,
        cast(step as integer) as step,
        account_id,
        account_name,
        owner_id,
        customer_name,
        email,
        balance,
        currency_code,
        due_on,
        cast(days_overdue as integer) as days_overdue,
        task_id,
        task_status as current_task_status,
        task_priority as current_priority,
        case act
            when 'open_task' then 'Not Started'
            when 'close_task' then 'Completed'
            when 'move_task' then case when meaning = 'promised' then 'In Progress' end
        end as wanted_task_status,
        case
            when act = 'open_task' then step_priority
            when act = 'move_task'
                then case when meaning = 'promised' then 'High' else step_priority end
        end as wanted_priority,
        case when act = 'open_task' then wanted_due_on end as task_due_on,
        left(case act
            when 'open_task'
                then
                    'Overdue: invoice ' || number_shown || ' of '
                    || coalesce(account_name, customer_name, '')
            when 'send_mail'
                then
                    case when plan_step > 2 then 'Second reminder' else 'Reminder' end
                    || ': invoice ' || number_shown || ' [' || plan_step || ']'
        end, 255) as subject,
        case act
            when 'open_task'
                then
                    mark || chr(10) || balance || ' ' || currency_code || ' were due on ' || due_on
                    || '.' || chr(10)
                    || 'Waiting on someone else: disputed. Deferred: promised until the due date '
                    || 'of this task. Completed: nothing more is done.'
            when 'send_mail'
                then
                    'Dear customer,' || chr(10) || chr(10) || 'our invoice ' || number_shown
                    || ' of ' || invoice_on || ' was due on ' || due_on || '; ' || balance || ' '
                    || currency_code || ' of it are open. If you have paid meanwhile, please '
                    || 'disregard this reminder.'
        end as body,
        blocked_reason,
        as_of_at as data_as_of
    from combined

)

select * from final
