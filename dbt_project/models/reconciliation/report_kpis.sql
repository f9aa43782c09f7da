-- The figures of the report's first screen, one row per company and currency. Amounts come from
-- the list of mismatches, so that the screen and the list never disagree.
with

clock as (

    select
        as_of_on,
        {{ var('dso_days', 90) }} as dso_days
    from {{ ref('int_clock') }}

),

steps as (

    select * replace (coalesce(company_id, 'not routed') as company_id)
    from {{ ref('int_reconciliation__steps') }}

),

mismatches as (

    select
        * replace (coalesce(company_id, 'not routed') as company_id),
        {{ is_exception('severity') }} as is_exception
    from {{ ref('mismatches') }}

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_allocating

),

documents_sent as (

    {{ documents_sent(ref('int_reconciliation__documents'), ref('stg_quickbooks__invoices')) }}

),

invoices as (

    select * from {{ ref('invoice_status') }}

),

-- An invoice that is gone has neither a balance nor an amount there.
receivables as (

    select * from invoices

),

{{ key_figures() }}

select * from key_figures
