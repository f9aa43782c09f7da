{{ config(materialized='table') }}

{{ sales_lines(ref('stg_quickbooks__estimates'), 'estimate_id') }}
