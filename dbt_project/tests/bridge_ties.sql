-- Each total follows from the one above it, to the cent, in every company, currency and period; and
-- what the classes explain is exactly the difference between expected and actual.
with

bridge as (

    select
        *,
        max(line_number) filter (where line_code = 'E') over () as expected_line,
        max(line_number) filter (where line_code = 'I1') over () as invoiced_line
    from {{ ref('reconciliation_bridge') }}

),

bridges as (

    select
        company_id,
        currency_code,
        period_kind,
        period,
        sum(amount) filter (where line_code = 'E') as expected,
        sum(amount) filter (where line_code in ('A', 'B', 'C')) as expected_explained,
        sum(amount) filter (where line_code = 'I1') as actual,
        sum(amount) filter (
            where
            line_kind = 'flow' and line_number > expected_line and line_number < invoiced_line
        ) as classes,
        sum(amount) filter (where line_code = 'T') as tax_and_shipping,
        sum(amount) filter (where line_code = 'I2') as gross,
        sum(amount) filter (where line_code = 'R') as credits,
        sum(amount) filter (where line_code = 'N') as net_billed,
        sum(amount) filter (where line_code = 'RESIDUAL') as residual
    from bridge
    group by company_id, currency_code, period_kind, period

)

select * from bridges
where
    expected != expected_explained
    or expected + classes != actual
    or actual + tax_and_shipping != gross
    or gross + credits != net_billed
    or residual != 0
