-- Linked customers whose fields that Salesforce owns (seeds/field_owners.csv) differ, and which of
-- these a person changed in QuickBooks.
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

written as (

    select * from {{ ref('int_customers__written') }}

),

customer_versions as (

    select
        company_id,
        id as customer_id,
        known_from,
        from_json(payload, '{
            "PrimaryEmailAddr": {"Address": "VARCHAR"},
            "PrimaryPhone": {"FreeFormNumber": "VARCHAR"},
            "BillAddr": {
                "Line1": "VARCHAR", "City": "VARCHAR", "CountrySubDivisionCode": "VARCHAR",
                "PostalCode": "VARCHAR", "Country": "VARCHAR"
            },
            "ShipAddr": {
                "Line1": "VARCHAR", "City": "VARCHAR", "CountrySubDivisionCode": "VARCHAR",
                "PostalCode": "VARCHAR", "Country": "VARCHAR"
            }
        }') as doc
    from {{ versions_of('history_quickbooks', 'customer', {
        'company_id': 'varchar', 'id': 'varchar', 'payload': 'varchar'
    }) }}
    qualify row_number() over (partition by company_id, id order by known_from) = 1

),

customers_first as (

    select
        company_id,
        customer_id,
        doc."PrimaryEmailAddr"."Address" as email,
        doc."PrimaryPhone"."FreeFormNumber" as phone,
        doc."BillAddr"."Line1" as billing_line1,
        doc."BillAddr"."City" as billing_city,
        doc."BillAddr"."CountrySubDivisionCode" as billing_state,
        doc."BillAddr"."PostalCode" as billing_postal_code,
        doc."BillAddr"."Country" as billing_country,
        doc."ShipAddr"."Line1" as shipping_line1,
        doc."ShipAddr"."City" as shipping_city,
        doc."ShipAddr"."CountrySubDivisionCode" as shipping_state,
        doc."ShipAddr"."PostalCode" as shipping_postal_code,
        doc."ShipAddr"."Country" as shipping_country
    from customer_versions

),

account_versions as (

    select
        *,
        split_part(billing_street, chr(10), 1) as billing_line1,
        split_part(shipping_street, chr(10), 1) as shipping_line1
    from {{ versions_of('history_salesforce', 'account', {
        'id': 'varchar', 'phone': 'varchar', 'billing_street': 'varchar',
        'billing_city': 'varchar', 'billing_state': 'varchar', 'billing_postal_code': 'varchar',
        'billing_country': 'varchar', 'shipping_street': 'varchar', 'shipping_city': 'varchar',
        'shipping_state': 'varchar', 'shipping_postal_code': 'varchar',
        'shipping_country': 'varchar'
    }) }}

),

accounts_before as (

    select
        id as account_id,
        list({ 'value': {{ telephone_key('phone') }}, 'known_to': known_to }) as phones,
        list({ 'value': {{ address_key('billing') }}, 'known_to': known_to }) as billing,
        list({ 'value': {{ address_key('shipping') }}, 'known_to': known_to }) as shipping
    from account_versions
    group by id

),

contacts_before as (

    select
        account_id,
        list({ 'value': {{ text_key('email') }}, 'known_to': known_to }) as emails
    from {{ versions_of('history_salesforce', 'contact', {
        'account_id': 'varchar', 'email': 'varchar'
    }) }}
    group by account_id

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

updates_joined as (

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
        case when owners.writes_company_name then accounts_described.account_name end
            as company_name,
        case when owners.writes_billing_contact then accounts_described.given_name end
            as given_name,
        case when owners.writes_billing_contact then accounts_described.family_name end
            as family_name,
        case when owners.writes_email then accounts_described.email end as email,
        case when owners.writes_phone then accounts_described.phone end as phone,
        case when owners.writes_website then accounts_described.website end as website,
        case when owners.writes_billing_address then accounts_described.billing_line1 end
            as billing_line1,
        case when owners.writes_billing_address then accounts_described.billing_city end
            as billing_city,
        case when owners.writes_billing_address then accounts_described.billing_state end
            as billing_state,
        case when owners.writes_billing_address then accounts_described.billing_postal_code end
            as billing_postal_code,
        case when owners.writes_billing_address then accounts_described.billing_country end
            as billing_country,
        case when owners.writes_shipping_address then accounts_described.shipping_line1 end
            as shipping_line1,
        case when owners.writes_shipping_address then accounts_described.shipping_city end
            as shipping_city,
        case when owners.writes_shipping_address then accounts_described.shipping_state end
            as shipping_state,
        case when owners.writes_shipping_address then accounts_described.shipping_postal_code end
            as shipping_postal_code,
        case when owners.writes_shipping_address then accounts_described.shipping_country end
            as shipping_country,
        case when owners.writes_term then terms.term_id end as term_id,
        owners.writes_term
        and accounts_described.payment_terms is not null
        and terms.term_id is null as is_term_unknown,
        accounts_described.payment_terms,
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
        customers.shipping_line1 as current_shipping_line1,
        customers.shipping_city as current_shipping_city,
        customers.shipping_state as current_shipping_state,
        customers.shipping_postal_code as current_shipping_postal_code,
        customers.shipping_country as current_shipping_country,
        customers.term_id as current_term_id,
        customers.currency_code as current_currency_code,
        links.is_active,
        count(*) over (partition by links.company_id, links.customer_id) as accounts_of_customer,
        count(*) over (
            partition by links.org_id, links.account_id, links.company_id
        ) as customers_of_account
    from links
    cross join owners
    inner join accounts_described
        on
            links.org_id = accounts_described.org_id
            and links.account_id = accounts_described.account_id
    inner join customers
        on
            links.company_id = customers.company_id
            and links.customer_id = customers.customer_id
    left join terms
        on
            links.company_id = terms.company_id
            and accounts_described.payment_terms = terms.salesforce_terms

),

updates_compared as (

    select
        *,
        {{ field_differs('email', 'current_email') }} as is_email_other,
        {{ phone_differs('phone', 'current_phone') }} as is_phone_other,
        {{ address_differs('billing', 'current_billing') }} as is_billing_other,
        {{ address_differs('shipping', 'current_shipping') }} as is_shipping_other,
        {{ field_differs('company_name', 'current_company_name') }}
        or {{ field_differs('given_name', 'current_given_name') }}
        or {{ field_differs('family_name', 'current_family_name') }}
        or {{ field_differs('website', 'current_website') }}
        or coalesce(term_id is distinct from current_term_id and term_id is not null, false)
            as is_other_in_the_rest
    from updates_joined

),

updates_differing as (

    select
        updates_compared.*,
        updates_compared.is_email_other and {{ changed_by_hand(
            text_key('updates_compared.current_email'), text_key('written.email'),
            "coalesce(" ~ text_key('customers_first.email') ~ ", '')",
            'coalesce(contacts_before.emails, [])', 'written.written_at', 'written.is_read_back',
            'customers_first.customer_id'
        ) }} as is_email_by_hand,
        updates_compared.is_phone_other and {{ changed_by_hand(
            telephone_key('updates_compared.current_phone'), telephone_key('written.phone'),
            "coalesce(" ~ telephone_key('customers_first.phone') ~ ", '')",
            'coalesce(accounts_before.phones, [])', 'written.written_at', 'written.is_read_back',
            'customers_first.customer_id'
        ) }} as is_phone_by_hand,
        updates_compared.is_billing_other and {{ changed_by_hand(
            address_key('updates_compared.current_billing'),
            'nullif(' ~ address_key('written.billing') ~ ", '')",
            address_key('customers_first.billing'),
            'coalesce(accounts_before.billing, [])', 'written.written_at', 'written.is_read_back',
            'customers_first.customer_id'
        ) }} as is_billing_by_hand,
        updates_compared.is_shipping_other and {{ changed_by_hand(
            address_key('updates_compared.current_shipping'),
            'nullif(' ~ address_key('written.shipping') ~ ", '')",
            address_key('customers_first.shipping'),
            'coalesce(accounts_before.shipping, [])', 'written.written_at', 'written.is_read_back',
            'customers_first.customer_id'
        ) }} as is_shipping_by_hand
    from updates_compared
    left join customers_first
        on
            updates_compared.company_id = customers_first.company_id
            and updates_compared.customer_id = customers_first.customer_id
    left join written
        on
            updates_compared.company_id = written.company_id
            and updates_compared.account_id = written.record_id
    left join accounts_before on updates_compared.account_id = accounts_before.account_id
    left join contacts_before on updates_compared.account_id = contacts_before.account_id
    where
        updates_compared.is_email_other
        or updates_compared.is_phone_other
        or updates_compared.is_billing_other
        or updates_compared.is_shipping_other
        or updates_compared.is_other_in_the_rest
        or updates_compared.is_term_unknown

),

updates_final as (

    select
        *,
        nullif(concat_ws(
            ',',
            case when is_email_by_hand then 'email' end,
            case when is_phone_by_hand then 'phone' end,
            case when is_billing_by_hand then 'billing_address' end,
            case when is_shipping_by_hand then 'shipping_address' end
        ), '') as conflict_fields,
        case
            when not is_active then 'customer_inactive'
            when accounts_of_customer > 1 then 'customer_linked_twice'
            when customers_of_account > 1 then 'account_linked_twice'
            when is_term_unknown then 'term_unknown'
        end as blocked_reason,
        case
            when not is_active then display_name || ' is not active any more'
            when accounts_of_customer > 1 then 'Several accounts are linked to ' || display_name
            when customers_of_account > 1 then 'The account has several customers in this company'
            when is_term_unknown
                then
                    'seeds/terms.csv has no terms of company ' || company_id || ' for '''
                    || payment_terms || '''; add a row'
        end as blocked_detail
    from updates_differing

)

select * from updates_final
