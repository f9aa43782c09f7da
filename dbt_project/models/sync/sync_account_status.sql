-- What the balance fields of each linked account should say, beside what they say now. Only
-- customers billed in the account's own currency count: currencies are never added up. What is left
-- of credit memos and payments stands beside the balance and is never taken off it.
{%- set fields = {
    'linked_customer_key': ('varchar', 'QBO_Customer_Id__c'),
    'open_balance': ('decimal(18, 2)', 'QBO_Open_Balance__c'),
    'overdue_balance': ('decimal(18, 2)', 'QBO_Overdue_Balance__c'),
    'open_credit': ('decimal(18, 2)', 'QBO_Open_Credit__c'),
    'oldest_due_on': ('date', 'QBO_Oldest_Due_Date__c'),
    'last_payment_on': ('date', 'QBO_Last_Payment_Date__c'),
    'is_overdue': ('boolean', 'QBO_Overdue__c'),
} %}
with

clock as (

    select * from {{ ref('int_clock') }}

),

links as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted

),

routing as (

    select
        currency_code,
        arg_min(company_id, priority) as company_id
    from {{ ref('company_routing') }}
    group by currency_code

),

invoices as (

    select * from {{ ref('invoice_status') }}
    where balance > 0

),

payments as (

    select * from {{ ref('stg_quickbooks__payments') }}
    where not is_deleted and not is_voided and total_amount > 0

),

credits_summed as (

    select
        company_id,
        customer_id,
        -sum(open_amount) as open_credit
    from {{ ref('int_receivables__documents') }}
    where document_type in ('CreditMemo', 'Payment') and open_amount < 0
    group by company_id, customer_id

),

invoices_summed as (

    select
        invoices.company_id,
        invoices.customer_id,
        sum(invoices.balance) as open_balance,
        sum(invoices.balance) filter (where invoices.due_on < clock.as_of_on) as overdue_balance,
        min(invoices.due_on) as oldest_due_on
    from invoices
    cross join clock
    group by invoices.company_id, invoices.customer_id

),

payments_summed as (

    select
        company_id,
        customer_id,
        max(paid_on) as last_payment_on
    from payments
    group by company_id, customer_id

),

-- The company that bills the account's currency holds its main customer.
links_ranked as (

    select
        links.*,
        accounts.account_name,
        accounts.currency_code as account_currency_code,
        row_number() over (
            partition by links.org_id, links.account_id
            order by
                coalesce(links.company_id = routing.company_id, false) desc,
                links.currency_code = accounts.currency_code desc,
                links.is_active desc,
                links.confidence desc,
                try_cast(links.customer_id as bigint),
                links.customer_id asc
        ) as link_rank
    from links
    inner join accounts
        on links.org_id = accounts.org_id and links.account_id = accounts.account_id
    left join routing on accounts.currency_code = routing.currency_code

),

links_main as (

    select * from links_ranked
    where link_rank = 1

),

balances as (

    select
        links_ranked.org_id,
        links_ranked.account_id,
        sum(invoices_summed.open_balance) as open_balance,
        sum(invoices_summed.overdue_balance) as overdue_balance,
        sum(credits_summed.open_credit) as open_credit,
        min(invoices_summed.oldest_due_on) as oldest_due_on,
        max(payments_summed.last_payment_on) as last_payment_on
    from links_ranked
    left join invoices_summed
        on
            links_ranked.company_id = invoices_summed.company_id
            and links_ranked.customer_id = invoices_summed.customer_id
    left join credits_summed
        on
            links_ranked.company_id = credits_summed.company_id
            and links_ranked.customer_id = credits_summed.customer_id
    left join payments_summed
        on
            links_ranked.company_id = payments_summed.company_id
            and links_ranked.customer_id = payments_summed.customer_id
    where links_ranked.currency_code = links_ranked.account_currency_code
    group by links_ranked.org_id, links_ranked.account_id

),

-- The flag of accounts with an invoice that is chased: neither disputed nor promised.
overdue as (

    select distinct
        org_id,
        account_id
    from {{ ref('int_overdue__states') }}
    where state = 'chased' and account_count = 1

),

keys_held as (

    select
        org_id,
        linked_customer_key,
        min(account_id) as account_id
    from accounts
    where linked_customer_key is not null
    group by org_id, linked_customer_key

),

wanted as (

    select
        accounts.org_id,
        accounts.account_id,
        accounts.account_name,
        links_main.company_id || ':' || links_main.customer_id as linked_customer_key,
        cast(coalesce(balances.open_balance, 0) as decimal(18, 2)) as open_balance,
        cast(coalesce(balances.overdue_balance, 0) as decimal(18, 2)) as overdue_balance,
        case
            when {{ has_column(source('raw_salesforce', 'account'), 'qbo_open_credit__c') }}
                then cast(coalesce(balances.open_credit, 0) as decimal(18, 2))
        end as open_credit,
        balances.oldest_due_on,
        balances.last_payment_on,
        case
            when {{ has_column(source('raw_salesforce', 'account'), 'qbo_overdue__c') }}
                then overdue.account_id is not null
        end as is_overdue,
        accounts.currency_code,
        accounts.linked_customer_key as current_linked_customer_key,
        accounts.open_balance as current_open_balance,
        accounts.overdue_balance as current_overdue_balance,
        accounts.open_credit as current_open_credit,
        accounts.oldest_due_on as current_oldest_due_on,
        accounts.last_payment_on as current_last_payment_on,
        accounts.is_overdue as current_is_overdue,
        accounts.currency_code as current_currency_code,
        case
            when
                count(*) over (
                    partition by links_main.company_id, links_main.customer_id
                ) > 1
                then 'customer_linked_twice'
            when keys_held.account_id != accounts.account_id then 'customer_key_taken'
            when balances.account_id is null then 'wrong_customer_currency'
        end as blocked_reason
    from links_main
    inner join accounts
        on links_main.org_id = accounts.org_id and links_main.account_id = accounts.account_id
    left join balances
        on links_main.org_id = balances.org_id and links_main.account_id = balances.account_id
    left join overdue
        on
            links_main.org_id = overdue.org_id and links_main.account_id = overdue.account_id
    left join keys_held
        on
            links_main.org_id = keys_held.org_id
            and links_main.company_id || ':' || links_main.customer_id
            = keys_held.linked_customer_key

),

rules as (

    {{ field_rules('account_status', fields.keys()) }}

),

written as (

    {{ last_status('account_status', fields) }}

),

final as (

    select
        wanted.* exclude (blocked_reason),
        (
            wanted.linked_customer_key is distinct from wanted.current_linked_customer_key
            or wanted.open_balance is distinct from wanted.current_open_balance
            or wanted.overdue_balance is distinct from wanted.current_overdue_balance
            or wanted.open_credit is distinct from wanted.current_open_credit
            or wanted.oldest_due_on is distinct from wanted.current_oldest_due_on
            or wanted.last_payment_on is distinct from wanted.current_last_payment_on
            or wanted.is_overdue is distinct from wanted.current_is_overdue
        ) as is_changed,
        {{ status_left_alone(fields) }},
        case when is_changed then wanted.blocked_reason end as blocked_reason
    from wanted
    cross join clock
    cross join rules
    left join written
        on wanted.org_id = written.org_id and wanted.account_id = written.record_id

)

select * from final
