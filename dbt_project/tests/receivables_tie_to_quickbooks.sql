-- Open receivables are those of QuickBooks' own report, customer by customer and to the cent. A
-- difference is told and does not stop a build: the report knows documents that are not read.
{{ config(severity='warn') }}

select
    company_id,
    currency_code,
    bucket,
    held_amount,
    reported_amount,
    difference,
    sentence
from {{ ref('ar_reconciliation') }}
where difference != 0
