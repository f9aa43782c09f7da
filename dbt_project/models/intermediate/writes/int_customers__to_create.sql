-- Customers to be made for accounts that are due an invoice, with a name that is free among
-- customers, vendors and employees.
with

owners as (

    {{ field_rules('customers', [
        'company_name', 'billing_contact', 'email', 'phone', 'website', 'billing_address',
        'shipping_address', 'term', 'parent'
    ]) }}

),

terms as (

    select
        terms.salesforce_terms,
        terms.company_id,
        min(known_terms.term_id) as term_id
    from {{ ref('terms') }} as terms
    inner join {{ ref('stg_quickbooks__terms') }} as known_terms
        on
            terms.company_id = known_terms.company_id
            and terms.term_name = known_terms.term_name
            and known_terms.is_active
    group by terms.salesforce_terms, terms.company_id

),

billable as (

    select * from {{ ref('int_customers__billable') }}

),

links as (

    select * from {{ ref('int_customers__linked') }}
    where is_direct

),

accounts_described as (

    select * from {{ ref('int_accounts__described') }}

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

-- The one customer that may be the parent of the new one: of its account's parent, billed in the
-- same company and currency.
parents as (

    select
        org_id,
        account_id,
        company_id,
        currency_code,
        min(customer_id) as customer_id
    from links
    where is_active and link_role = 'billing'
    group by org_id, account_id, company_id, currency_code
    having count(*) = 1

),

creates_final as (

    select
        creates_named.org_id,
        creates_named.account_id,
        creates_named.account_name,
        creates_named.company_id,
        'create' as action,
        creates_named.change_key,
        creates_named.display_name,
        case when owners.creates_company_name then creates_named.account_name end as company_name,
        case when owners.creates_billing_contact then creates_named.given_name end as given_name,
        case when owners.creates_billing_contact then creates_named.family_name end as family_name,
        case when owners.creates_email then creates_named.email end as email,
        case when owners.creates_phone then creates_named.phone end as phone,
        case when owners.creates_website then creates_named.website end as website,
        case when owners.creates_billing_address then creates_named.billing_line1 end
            as billing_line1,
        case when owners.creates_billing_address then creates_named.billing_city end
            as billing_city,
        case when owners.creates_billing_address then creates_named.billing_state end
            as billing_state,
        case when owners.creates_billing_address then creates_named.billing_postal_code end
            as billing_postal_code,
        case when owners.creates_billing_address then creates_named.billing_country end
            as billing_country,
        case when owners.creates_shipping_address then creates_named.shipping_line1 end
            as shipping_line1,
        case when owners.creates_shipping_address then creates_named.shipping_city end
            as shipping_city,
        case when owners.creates_shipping_address then creates_named.shipping_state end
            as shipping_state,
        case when owners.creates_shipping_address then creates_named.shipping_postal_code end
            as shipping_postal_code,
        case when owners.creates_shipping_address then creates_named.shipping_country end
            as shipping_country,
        case when owners.creates_term then terms.term_id end as term_id,
        creates_named.currency_code,
        case when owners.creates_parent then parents.customer_id end as parent_customer_id,
        case
            when owners.creates_parent and parents.customer_id is null
                then parent_creates.change_key
        end as parent_change_key,
        case
            when coalesce(creates_named.wanted_name, '') = '' then 'name_missing'
            when creates_named.same_name_rank > 1 or creates_named.display_name is null
                then 'display_name_taken'
            when
                owners.creates_term
                and creates_named.payment_terms is not null
                and terms.term_id is null
                then 'term_unknown'
        end as blocked_reason,
        case
            when coalesce(creates_named.wanted_name, '') = '' then 'The account has no name'
            when creates_named.same_name_rank > 1 or creates_named.display_name is null
                then
                    'Another new customer takes the name '
                    || coalesce(creates_named.display_name, creates_named.wanted_name)
            when
                owners.creates_term
                and creates_named.payment_terms is not null
                and terms.term_id is null
                then
                    'seeds/terms.csv has no terms of company ' || creates_named.company_id
                    || ' for ''' || creates_named.payment_terms || '''; add a row'
        end as blocked_detail
    from creates_named
    cross join owners
    left join terms
        on
            creates_named.company_id = terms.company_id
            and creates_named.payment_terms = terms.salesforce_terms
    left join parents
        on
            creates_named.org_id = parents.org_id
            and creates_named.parent_account_id = parents.account_id
            and creates_named.company_id = parents.company_id
            and creates_named.currency_code = parents.currency_code
    left join creates as parent_creates
        on
            creates_named.org_id = parent_creates.org_id
            and creates_named.parent_account_id = parent_creates.account_id
            and creates_named.company_id = parent_creates.company_id
            and creates_named.currency_code = parent_creates.currency_code

)

select * from creates_final
