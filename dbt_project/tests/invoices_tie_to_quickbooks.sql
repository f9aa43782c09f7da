-- What was invoiced is what QuickBooks' own list says, invoice by invoice and to the cent. A
-- difference is told and does not stop a build.
{{ config(severity='warn') }}

select
    company_id,
    currency_code,
    month_on,
    held_amount,
    reported_amount,
    difference,
    sentence
from {{ ref('invoiced_reconciliation') }}
where invoices_differing > 0
