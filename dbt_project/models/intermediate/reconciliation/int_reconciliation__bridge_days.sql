-- The bridge day by day: what falls on a day of its own (`from_on` is null), and what moves from
-- one day to another. Whether that crosses the end of a period, the period decides.
-- Totals are read from their own source, so that the residual proves something: sold and planned
-- from the deals, invoiced and credited from the documents.
with

deals as (

    select * from {{ ref('int_deals__billable') }}
    where is_billable

),

steps as (

    select * replace (coalesce(company_id, 'not routed') as company_id)
    from {{ ref('int_reconciliation__steps') }}
    where is_due

),

contributions as (

    select * from {{ ref('int_reconciliation__contributions') }}

),

documents as (

    select * from {{ ref('int_reconciliation__documents') }}

),

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

credits as (

    select * from {{ ref('int_credits__net') }}
    where is_live

),

sold as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        'A' as line_code,
        cast(null as date) as from_on,
        closed_on as to_on,
        sum(basis_amount) as amount,
        count(*) as documents
    from deals
    group by all

),

-- A due step moves from the day of the close to its own.
carried as (

    select
        company_id,
        currency_code,
        'B' as line_code,
        closed_on as from_on,
        due_on as to_on,
        sum(amount) as amount,
        count(*) as documents
    from steps
    group by all

),

expected as (

    select
        company_id,
        currency_code,
        'E' as line_code,
        cast(null as date) as from_on,
        due_on as to_on,
        sum(amount) as amount,
        count(*) as documents
    from steps
    group by all

),

flows as (

    select
        company_id,
        currency_code,
        line_code,
        cast(null as date) as from_on,
        dated_on as to_on,
        sum(amount) as amount,
        count(*) as documents
    from contributions
    group by all

),

-- What bills a due step moves from the step's day to the invoice's.
cut_off as (

    select
        company_id,
        currency_code,
        'K' as line_code,
        due_on as from_on,
        invoice_on as to_on,
        sum(amount) as amount,
        count(*) as documents
    from documents
    where placement = 'billed'
    group by all

),

invoiced as (

    select
        company_id,
        currency_code,
        cast(null as date) as from_on,
        invoice_on as to_on,
        sum(net_amount) as net_amount,
        sum(gross_amount) as gross_amount,
        count(*) as documents,
        count(*) filter (where gross_amount != net_amount) as documents_with_more
    from invoices
    group by all

),

credited as (

    select
        company_id,
        currency_code,
        'R' as line_code,
        cast(null as date) as from_on,
        credited_on as to_on,
        -sum(gross_amount) as amount,
        count(*) as documents
    from credits
    group by all

),

final as (

    select * from sold
    union all
    select * from carried
    union all
    select * from expected
    union all
    select * from flows
    union all
    select * from cut_off
    union all
    select * from credited
    union all
    {%- for line_code, amount, documents in [
        ('I1', 'net_amount', 'documents'),
        ('T', 'gross_amount - net_amount', 'documents_with_more'),
        ('I2', 'gross_amount', 'documents'),
    ] %}
    select
        company_id,
        currency_code,
        '{{ line_code }}' as line_code,
        from_on,
        to_on,
        {{ amount }} as amount,
        {{ documents }} as documents
    from invoiced
    {{ 'union all' if not loop.last }}
    {%- endfor %}

)

select * from final
