-- Who is billed for an account in a company and currency: the customer, the one to be created,
-- or the reason why neither is possible. One row per account, company and currency that an
-- unbilled step asks for. An account's new invoices go to one customer: the one declared for
-- billing or, where nobody declared any, the only one it has.
with

steps as (

    select * from {{ ref('int_billing_plan__unbilled') }}

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}

),

links as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct

),

declared as (

    select * from {{ ref('int_customers__declared') }}

),

candidates as (

    select
        org_id,
        account_id,
        company_id,
        count(*) as candidates,
        string_agg(customer_name, '; ' order by candidate_rank) as candidate_names
    from {{ ref('matched_customers') }}
    where match_state in ('suggested', 'ambiguous') and valid_to is null
    group by org_id, account_id, company_id

),

ledger as (

    select
        company_id,
        record_id as account_id,
        max_by(remote_id, generation) as customer_id
    from {{ source('raw_state', 'ledger') }}
    where flow = 'customers' and action = 'create' and status = 'done'
    group by company_id, record_id

),

-- An account is worth a customer when something of it could be sent at once.
wanted as (

    select
        steps.org_id,
        steps.account_id,
        steps.company_id,
        steps.currency_code,
        bool_or(steps.step_blocked_reason is null and declared.deal_id is null) as is_needed_now
    from steps
    left join declared
        on
            steps.org_id = declared.org_id
            and steps.deal_id = declared.deal_id
            and steps.company_id = declared.company_id
    where steps.company_id is not null
    group by steps.org_id, steps.account_id, steps.company_id, steps.currency_code

),

-- A declared role leaves the others out; an inactive customer counts where there is no active one.
links_for_billing as (

    select *
    from links
    where link_role = 'billing'
    qualify
        is_role_declared = bool_or(is_role_declared)
            over (partition by org_id, account_id, company_id, currency_code)
        and is_active
        = bool_or(is_active)
            over (partition by org_id, account_id, company_id, currency_code, is_role_declared)

),

links_counted as (

    select
        *,
        count(*) over (partition by org_id, account_id, company_id, currency_code) as customers,
        array_to_string(list_sort(
            list(customer_name) over (partition by org_id, account_id, company_id, currency_code)
        ), '; ') as customer_names,
        row_number() over (
            partition by org_id, account_id, company_id, currency_code
            order by try_cast(customer_id as bigint), customer_id
        ) as link_rank
    from links_for_billing

),

links_summed as (

    select
        org_id,
        account_id,
        company_id,
        string_agg(distinct currency_code, ', ' order by currency_code)
        filter (where link_role = 'billing') as currency_codes,
        string_agg(distinct link_role, ', ' order by link_role)
        filter (where link_role != 'billing') as other_roles
    from links
    group by org_id, account_id, company_id

),

joined as (

    select
        wanted.*,
        accounts.account_name,
        accounts.is_deleted as is_account_deleted,
        best.customer_id as linked_customer_id,
        best.customer_name,
        best.customers,
        best.customer_names,
        best.is_active,
        best.term_id,
        best.email,
        coalesce(best.is_taxable, false) as is_taxable,
        links_summed.currency_codes,
        links_summed.other_roles,
        candidates.candidates,
        candidates.candidate_names,
        ledger.customer_id as written_customer_id,
        -- One that a person had taken back is there, and not active.
        written.is_active is false as is_written_inactive,
        written.display_name as written_customer_name
    from wanted
    left join accounts
        on wanted.org_id = accounts.org_id and wanted.account_id = accounts.account_id
    left join links_counted as best
        on
            wanted.org_id = best.org_id
            and wanted.account_id = best.account_id
            and wanted.company_id = best.company_id
            and wanted.currency_code = best.currency_code
            and best.link_rank = 1
    left join links_summed
        on
            wanted.org_id = links_summed.org_id
            and wanted.account_id = links_summed.account_id
            and wanted.company_id = links_summed.company_id
    left join candidates
        on
            wanted.org_id = candidates.org_id
            and wanted.account_id = candidates.account_id
            and wanted.company_id = candidates.company_id
    left join ledger
        on
            wanted.account_id = ledger.account_id
            and wanted.company_id = ledger.company_id
    left join {{ ref('stg_quickbooks__customers') }} as written
        on ledger.company_id = written.company_id and ledger.customer_id = written.customer_id

),

judged as (

    select
        *,
        case
            when customers > 1 then 'customer_role_unclear'
            when linked_customer_id is not null and not is_active then 'customer_inactive'
            when linked_customer_id is not null then null
            when currency_codes is not null then 'wrong_customer_currency'
            when is_written_inactive then 'customer_inactive'
            when written_customer_id is not null then null
            when other_roles is not null then 'customer_role_missing'
            when candidates > 0 then 'customer_in_review'
            when account_name is null or is_account_deleted then 'customer_not_matched'
        end as customer_blocked_reason
    from joined

),

-- One customer of ours per account and company: the first currency that needs it sets it.
created as (

    select
        org_id,
        account_id,
        company_id,
        min(currency_code) as currency_code
    from judged
    where
        customer_blocked_reason is null
        and linked_customer_id is null
        and written_customer_id is null
        and is_needed_now
    group by org_id, account_id, company_id

),

final as (

    select
        judged.org_id,
        judged.account_id,
        judged.account_name,
        judged.company_id,
        judged.currency_code,
        coalesce(judged.linked_customer_id, judged.written_customer_id) as customer_id,
        judged.customer_name,
        judged.term_id,
        judged.email,
        judged.is_taxable,
        created.currency_code is not null as is_to_create,
        case
            when created.currency_code is not null then
                'customers:' || judged.company_id || ':' || judged.account_id || ':0:g1'
        end as customer_change_key,
        case
            when judged.customer_blocked_reason is not null then judged.customer_blocked_reason
            when
                judged.linked_customer_id is null
                and judged.written_customer_id is null
                and created.currency_code is null
                and judged.is_needed_now
                then 'wrong_customer_currency'
        end as customer_blocked_reason,
        case
            when judged.customer_blocked_reason = 'customer_inactive'
                then
                    coalesce(judged.customer_name, judged.written_customer_name)
                    || ' is not active any more'
            when judged.customer_blocked_reason = 'wrong_customer_currency'
                then 'The account''s customer is billed in ' || judged.currency_codes
            when judged.customer_blocked_reason = 'customer_role_unclear'
                then
                    'The account has ' || judged.customers || ' customers ('
                    || judged.customer_names || '); declare one of them for billing'
            when judged.customer_blocked_reason = 'customer_role_missing'
                then
                    'The account has customers for ' || judged.other_roles
                    || ' only; declare one for billing'
            when judged.customer_blocked_reason = 'customer_in_review'
                then
                    judged.candidates || ' customers may be this account: '
                    || judged.candidate_names
            when judged.customer_blocked_reason = 'customer_not_matched'
                then 'The account is gone, so no customer can be made of it'
            when created.currency_code is null
                then 'The account''s new customer will be billed in another currency'
        end as customer_blocked_detail
    from judged
    left join created
        on
            judged.org_id = created.org_id
            and judged.account_id = created.account_id
            and judged.company_id = created.company_id
            and judged.currency_code = created.currency_code

)

select * from final
