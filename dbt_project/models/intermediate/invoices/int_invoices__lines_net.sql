-- The item lines of each invoice after its discount lines: each bears its share of them, and
-- together they are the invoice's net amount to the cent.
{{ lines_net(ref('stg_quickbooks__invoice_lines'), 'invoice_id') }}
