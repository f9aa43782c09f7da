-- The comparison with QuickBooks' own list speaks of every living invoice of its days, once.
with

held as (

    select
        invoices.company_id,
        count(*) as invoices
    from {{ ref('stg_quickbooks__invoices') }} as invoices
    inner join {{ ref('stg_quickbooks__listed_invoices') }} as lists
        on invoices.company_id = lists.company_id and lists.is_total
    where not invoices.is_deleted and invoices.invoice_on between lists.from_on and lists.to_on
    group by invoices.company_id

),

compared as (

    select
        company_id,
        count(*) as invoices
    from {{ ref('int_invoices__compared') }}
    where is_held
    group by company_id

)

select
    coalesce(held.company_id, compared.company_id) as company_id,
    held.invoices,
    compared.invoices as compared_invoices
from held
full outer join compared on held.company_id = compared.company_id
where held.invoices is distinct from compared.invoices

union all

select
    company_id,
    invoices,
    null as compared_invoices
from {{ ref('invoiced_reconciliation') }}
where held_amount != reported_amount + moved_on_amount + difference
