-- The item lines of each estimate after its discount lines; together its net amount to the cent.
{{ lines_net(ref('stg_quickbooks__estimate_lines'), 'estimate_id') }}
