-- Customers to be made for accounts that are due an invoice, and linked customers whose owned
-- fields (e-mail, telephone, billing address) Salesforce has otherwise.
with

billable as (

    select * from {{ ref('int_customers__billable') }}

),

links as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct

),

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted

),

contacts as (

    select * from {{ judged(ref('stg_salesforce__contacts')) }}
    where not is_deleted and is_billing_contact

),

customers as (

    select * from {{ ref('stg_quickbooks__customers') }}

),

vendors as (

    select * from {{ ref('stg_quickbooks__vendors') }}

),

employees as (

    select * from {{ ref('stg_quickbooks__employees') }}

),

billing_contacts as (

    select
        org_id,
        account_id,
        arg_min(first_name, contact_id) as given_name,
        arg_min(last_name, contact_id) as family_name,
        arg_min(email, contact_id) filter (where email is not null) as email
    from contacts
    group by org_id, account_id

),

accounts_described as (

    select
        accounts.org_id,
        accounts.account_id,
        accounts.account_name,
        billing_contacts.given_name,
        billing_contacts.family_name,
        billing_contacts.email,
        accounts.phone,
        accounts.website,
        split_part(accounts.billing_street, chr(10), 1) as billing_line1,
        accounts.billing_city,
        accounts.billing_state,
        accounts.billing_postal_code,
        accounts.billing_country
    from accounts
    left join billing_contacts
        on
            accounts.org_id = billing_contacts.org_id
            and accounts.account_id = billing_contacts.account_id

),

-- Names are taken by customers, vendors and employees, active or not, whatever the capitals.
names_taken as (

    select
        company_id,
        lower(display_name) as name_key
    from customers
    where not is_deleted
    union distinct
    select
        company_id,
        lower(display_name) as name_key
    from vendors
    union distinct
    select
        company_id,
        lower(display_name) as name_key
    from employees

),

creates as (

    select
        billable.company_id,
        billable.currency_code,
        billable.customer_change_key as change_key,
        accounts_described.*,
        left(
            trim(
                regexp_replace(replace(accounts_described.account_name, ':', ' -'), '\s+', ' ', 'g')
            ),
            490
        ) as wanted_name
    from billable
    inner join accounts_described
        on
            billable.org_id = accounts_described.org_id
            and billable.account_id = accounts_described.account_id
    where billable.is_to_create

),

-- The wanted name, then the same with a number; the first that nobody has is taken, and
-- several new accounts of one name take the free ones in the order of their ids.
names_free as (

    select
        creates.company_id,
        creates.wanted_name,
        numbers.number,
        case
            when numbers.number = 1 then creates.wanted_name
            else creates.wanted_name || ' (' || numbers.number || ')'
        end as free_name,
        row_number() over (
            partition by creates.company_id, lower(creates.wanted_name) order by numbers.number
        ) as free_rank
    from (
        select
            company_id,
            min(wanted_name) as wanted_name
        from creates
        group by company_id, lower(wanted_name)
    ) as creates
    cross join (select unnest(range(1, 100)) as number) as numbers
    left join names_taken
        on
            creates.company_id = names_taken.company_id
            and lower(
                case
                    when numbers.number = 1 then creates.wanted_name
                    else creates.wanted_name || ' (' || numbers.number || ')'
                end
            ) = names_taken.name_key
    where names_taken.name_key is null

),

creates_ranked as (

    select
        *,
        row_number() over (
            partition by company_id, lower(wanted_name) order by account_id
        ) as name_rank
    from creates

),

creates_named as (

    select
        creates_ranked.*,
        names_free.free_name as display_name,
        row_number() over (
            partition by creates_ranked.company_id, lower(names_free.free_name)
            order by creates_ranked.account_id
        ) as same_name_rank
    from creates_ranked
    left join names_free
        on
            creates_ranked.company_id = names_free.company_id
            and lower(creates_ranked.wanted_name) = lower(names_free.wanted_name)
            and creates_ranked.name_rank = names_free.free_rank

),

creates_final as (

    select
        org_id,
        account_id,
        account_name,
        company_id,
        'create' as action,
        change_key,
        display_name,
        account_name as company_name,
        given_name,
        family_name,
        email,
        phone,
        website,
        billing_line1,
        billing_city,
        billing_state,
        billing_postal_code,
        billing_country,
        currency_code,
        case
            when coalesce(wanted_name, '') = '' then 'name_missing'
            when same_name_rank > 1 or display_name is null then 'display_name_taken'
        end as blocked_reason,
        case
            when coalesce(wanted_name, '') = '' then 'The account has no name'
            when same_name_rank > 1 or display_name is null
                then 'Another new customer takes the name ' || coalesce(display_name, wanted_name)
        end as blocked_detail
    from creates_named

),

updates_final as (

    select
        accounts_described.org_id,
        accounts_described.account_id,
        accounts_described.account_name,
        links.company_id,
        'update' as action,
        customers.customer_id,
        customers.sync_token,
        'customers:' || links.company_id || ':' || accounts_described.account_id || ':0:g1'
            as change_key,
        customers.display_name,
        customers.company_name,
        customers.given_name,
        customers.family_name,
        accounts_described.email,
        accounts_described.phone,
        customers.website,
        accounts_described.billing_line1,
        accounts_described.billing_city,
        accounts_described.billing_state,
        accounts_described.billing_postal_code,
        accounts_described.billing_country,
        customers.currency_code,
        customers.parent_customer_id,
        customers.display_name as current_display_name,
        customers.company_name as current_company_name,
        customers.given_name as current_given_name,
        customers.family_name as current_family_name,
        customers.email as current_email,
        customers.phone as current_phone,
        customers.website as current_website,
        customers.billing_line1 as current_billing_line1,
        customers.billing_city as current_billing_city,
        customers.billing_state as current_billing_state,
        customers.billing_postal_code as current_billing_postal_code,
        customers.billing_country as current_billing_country,
        customers.currency_code as current_currency_code,
        case
            when not links.is_active then 'customer_inactive'
            when
                count(*) over (partition by links.company_id, links.customer_id) > 1
                then 'customer_linked_twice'
            when
                count(*) over (
                    partition by links.org_id, links.account_id, links.company_id
                ) > 1
                then 'account_linked_twice'
        end as blocked_reason,
        case
            when not links.is_active then customers.display_name || ' is not active any more'
            when
                count(*) over (partition by links.company_id, links.customer_id) > 1
                then 'Several accounts are linked to ' || customers.display_name
            when
                count(*) over (
                    partition by links.org_id, links.account_id, links.company_id
                ) > 1
                then 'The account has several customers in this company'
        end as blocked_detail
    from links
    inner join accounts_described
        on
            links.org_id = accounts_described.org_id
            and links.account_id = accounts_described.account_id
    inner join customers
        on
            links.company_id = customers.company_id
            and links.customer_id = customers.customer_id

),

updates_differing as (

    select * from updates_final
    where
        {{ field_differs('email', 'current_email') }}
        or {{ phone_differs('phone', 'current_phone') }}
        or {{ field_differs('billing_line1', 'current_billing_line1') }}
        or {{ field_differs('billing_city', 'current_billing_city') }}
        or {{ field_differs('billing_state', 'current_billing_state') }}
        or {{ field_differs('billing_postal_code', 'current_billing_postal_code') }}
        or {{ field_differs('billing_country', 'current_billing_country') }}

),

combined as (

    select * from updates_differing
    union all by name
    select * from creates_final

),

final as (

    select
        org_id,
        account_id,
        account_name,
        company_id,
        action,
        customer_id,
        sync_token,
        cast(1 as integer) as generation,
        change_key,
        display_name,
        company_name,
        given_name,
        family_name,
        email,
        phone,
        website,
        billing_line1,
        billing_city,
        billing_state,
        billing_postal_code,
        billing_country,
        currency_code,
        parent_customer_id,
        current_display_name,
        current_company_name,
        current_given_name,
        current_family_name,
        current_email,
        current_phone,
        current_website,
        current_billing_line1,
        current_billing_city,
        current_billing_state,
        current_billing_postal_code,
        current_billing_country,
        current_currency_code,
        blocked_reason,
        blocked_detail
    from combined

)

select * from final
