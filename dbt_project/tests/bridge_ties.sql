-- Each total follows from the one above it, to the cent, in every company and currency; and what
-- the classes explain is exactly the difference between expected and actual.
with

bridge as (

    select * from {{ ref('reconciliation_bridge') }}

),

bridges as (

    select
        company_id,
        currency_code,
        sum(amount) filter (where line_code = 'E') as expected,
        sum(amount) filter (where line_code in ('A', 'B', 'C')) as expected_explained,
        sum(amount) filter (where line_code = 'I1') as actual,
        sum(amount) filter (
            where line_kind = 'flow' and line_number between 5 and 16
        ) as classes,
        sum(amount) filter (where line_code = 'T') as tax_and_shipping,
        sum(amount) filter (where line_code = 'I2') as gross,
        sum(amount) filter (where line_code = 'R') as credits,
        sum(amount) filter (where line_code = 'N') as net_billed,
        sum(amount) filter (where line_code = 'RESIDUAL') as residual
    from bridge
    group by company_id, currency_code

)

select * from bridges
where
    expected != expected_explained
    or expected + classes != actual
    or actual + tax_and_shipping != gross
    or gross + credits != net_billed
    or residual != 0
