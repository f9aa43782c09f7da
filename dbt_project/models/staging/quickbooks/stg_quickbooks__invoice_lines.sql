{{ config(materialized='table') }}

{{ sales_lines(ref('stg_quickbooks__invoices'), 'invoice_id') }}
