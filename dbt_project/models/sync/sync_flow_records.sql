-- How many records each flow looks after, so that the share of them which one plan changes can be
-- seen. Invoices and their mails are only made and never updated: those flows have no row.
with

customers as (

    select
        'customers' as flow,
        count(*) as record_count
    from {{ ref('int_customers__linked') }}
    where is_direct

),

products as (

    select
        'products' as flow,
        count(*) as record_count
    from {{ ref('int_products__linked') }}

),

prices as (

    select
        'prices' as flow,
        count(*) as record_count
    from {{ judged(ref('stg_salesforce__pricebook_entries')) }}
    where not is_deleted

),

estimates as (

    select
        'estimates' as flow,
        count(*) as record_count
    from {{ ref('sync_estimates') }}

),

deal_status as (

    select
        'deal_status' as flow,
        count(*) + (select count(*) from {{ ref('sync_invoice_records') }}) as record_count
    from {{ ref('sync_deal_status') }}

),

account_status as (

    select
        'account_status' as flow,
        count(*) as record_count
    from {{ ref('sync_account_status') }}

),

overdue as (

    select
        'overdue' as flow,
        count(*) as record_count
    from {{ ref('int_overdue__states') }}

),

final as (

    select * from customers
    union all
    select * from products
    union all
    select * from prices
    union all
    select * from estimates
    union all
    select * from deal_status
    union all
    select * from account_status
    union all
    select * from overdue

)

select
    flow,
    record_count
from final
