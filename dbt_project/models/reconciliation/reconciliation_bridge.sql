-- From what was sold to what was billed, per company and currency, to the cent.
-- Flows are signed and add up; totals are read from their own source, so that RESIDUAL proves
-- something: sold and planned from the deals, invoiced and credited from the documents.
with

deals as (

    select * from {{ ref('int_deals__billable') }}
    where is_billable

),

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

contributions as (

    select * from {{ ref('int_reconciliation__contributions') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

credits as (

    select * from {{ ref('int_credits__net') }}
    where is_live

),

line_names as (

    select * from {{ ref('bridge_lines') }}

),

sold as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        'A' as line_code,
        sum(basis_amount) as amount,
        count(*) as documents
    from deals
    group by all

),

expected as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        'E' as line_code,
        sum(amount) as amount,
        count(*) as documents
    from steps
    where is_due
    group by all

),

flows as (

    select
        company_id,
        currency_code,
        line_code,
        sum(amount) as amount,
        count(*) as documents
    from contributions
    group by all

),

invoiced_net as (

    select
        company_id,
        currency_code,
        'I1' as line_code,
        sum(net_amount) as amount,
        count(*) as documents
    from invoices
    group by all

),

tax_and_shipping as (

    select
        company_id,
        currency_code,
        'T' as line_code,
        sum(gross_amount - net_amount) as amount,
        count(*) filter (where gross_amount != net_amount) as documents
    from invoices
    group by all

),

invoiced_gross as (

    select
        company_id,
        currency_code,
        'I2' as line_code,
        sum(gross_amount) as amount,
        count(*) as documents
    from invoices
    group by all

),

credited as (

    select
        company_id,
        currency_code,
        'R' as line_code,
        -sum(gross_amount) as amount,
        count(*) as documents
    from credits
    group by all

),

net_billed as (

    select
        company_id,
        currency_code,
        'N' as line_code,
        sum(amount) as amount,
        sum(documents) as documents
    from (
        select * from invoiced_gross
        union all
        select * from credited
    ) as gross_and_credits
    group by company_id, currency_code

),

-- What the classes cannot explain between sold and invoiced. It must be nothing.
residuals as (

    select
        company_id,
        currency_code,
        'RESIDUAL' as line_code,
        sum(amount) as amount,
        0 as documents
    from (
        select
            company_id,
            currency_code,
            amount
        from sold
        union all
        select
            company_id,
            currency_code,
            amount
        from flows
        union all
        select
            company_id,
            currency_code,
            -amount as amount
        from invoiced_net
    ) as sold_to_invoiced
    group by company_id, currency_code

),

amounts as (

    select * from sold
    union all
    select * from expected
    union all
    select * from flows
    union all
    select * from invoiced_net
    union all
    select * from tax_and_shipping
    union all
    select * from invoiced_gross
    union all
    select * from credited
    union all
    select * from net_billed
    union all
    select * from residuals

),

books as (

    select distinct
        company_id,
        currency_code
    from amounts

),

-- Every bridge shows every line, also those without an amount.
final as (

    select
        books.company_id,
        books.currency_code,
        cast(line_names.line_number as integer) as line_number,
        line_names.line_code,
        line_names.line_label,
        line_names.line_kind,
        cast(coalesce(amounts.amount, 0) as decimal(18, 2)) as amount,
        cast(coalesce(amounts.documents, 0) as integer) as documents
    from books
    cross join line_names
    left join amounts
        on
            books.company_id = amounts.company_id
            and books.currency_code = amounts.currency_code
            and line_names.line_code = amounts.line_code

)

select * from final
