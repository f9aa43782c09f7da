{{ config(tags=['before_scores'], materialized='view') }}

-- One figure for everything that the matching reads of an account or a customer: where it is
-- another one than at the last scoring, the record is matched again.
with

contacts as (
    select
        org_id,
        account_id,
        bit_xor(hash(contact_id, first_name, last_name, contact_name, email, phone)) as fingerprint
    from {{ judged(ref('stg_salesforce__contacts')) }}
    where not is_deleted and account_id is not null
    group by org_id, account_id
)

select
    'account' as side,
    accounts.org_id as scope_id,
    accounts.account_id as record_id,
    hash(
        accounts.account_name, accounts.parent_account_id, accounts.website, accounts.phone,
        accounts.billing_street, accounts.billing_city, accounts.billing_postal_code,
        accounts.billing_country, accounts.currency_code, accounts.linked_customer_key,
        accounts.created_at, contacts.fingerprint
    ) as fingerprint
from {{ judged(ref('stg_salesforce__accounts')) }} as accounts
left join contacts
    on accounts.org_id = contacts.org_id and accounts.account_id = contacts.account_id
where not accounts.is_deleted

union all

select
    'customer' as side,
    company_id as scope_id,
    customer_id as record_id,
    hash(
        display_name, company_name, given_name, family_name, fully_qualified_name,
        parent_customer_id, is_sub_customer, email, phone, alternate_phone, mobile_phone, website,
        billing_line1, billing_line2, billing_city, billing_postal_code, billing_country,
        currency_code, is_active, created_at
    ) as fingerprint
from {{ ref('stg_quickbooks__customers') }}
where not is_deleted
