-- What Salesforce says of an account that a customer in QuickBooks is to have.
with

accounts as (

    select * from {{ judged(ref('stg_salesforce__accounts')) }}
    where not is_deleted

),

contacts as (

    select * from {{ judged(ref('stg_salesforce__contacts')) }}
    where not is_deleted and is_billing_contact

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
        accounts.parent_account_id,
        accounts.payment_terms,
        split_part(accounts.billing_street, chr(10), 1) as billing_line1,
        accounts.billing_city,
        accounts.billing_state,
        accounts.billing_postal_code,
        accounts.billing_country,
        split_part(accounts.shipping_street, chr(10), 1) as shipping_line1,
        accounts.shipping_city,
        accounts.shipping_state,
        accounts.shipping_postal_code,
        accounts.shipping_country
    from accounts
    left join billing_contacts
        on
            accounts.org_id = billing_contacts.org_id
            and accounts.account_id = billing_contacts.account_id

)

select * from accounts_described
