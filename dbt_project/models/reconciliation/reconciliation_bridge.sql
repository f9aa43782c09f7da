-- From what was sold to what was billed, per company, currency and period, to the cent: for every
-- month, week and year, and over all until the as-of moment. Flows are signed and add up. What
-- crosses the end of a period leaves one period and comes into another by the same amount.
{%- set kinds = {
    'to_date': ("'to date'", "cast(null as date)"),
    'year': ("strftime(%s, '%%Y')", "cast(date_trunc('year', %s) as date)"),
    'month': ("strftime(%s, '%%Y-%%m')", "cast(date_trunc('month', %s) as date)"),
    'week': ("strftime(%s, '%%G-W%%V')", "cast(date_trunc('week', %s) as date)"),
} %}
with

days as (

    select * from {{ ref('int_reconciliation__bridge_days') }}

),

line_names as (

    select * from {{ ref('bridge_lines') }}

),

placed as (
    {% for kind, (label, starts_on) in kinds.items() %}
    select
        company_id,
        currency_code,
        '{{ kind }}' as period_kind,
        {{ label | replace('%s', 'to_on') | replace('%%', '%') }} as period,
        {{ starts_on | replace('%s', 'to_on') }} as period_starts_on,
        {{ label | replace('%s', 'from_on') | replace('%%', '%') }} as left_period,
        {{ starts_on | replace('%s', 'from_on') }} as left_period_starts_on,
        from_on is not null as is_moved,
        line_code,
        amount,
        documents
    from days
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- Of what is moved only that counts which crosses the end of a period.
flows as (

    select
        company_id,
        currency_code,
        period_kind,
        period,
        period_starts_on,
        line_code,
        amount,
        documents
    from placed
    where not is_moved or period != left_period

    union all

    select
        company_id,
        currency_code,
        period_kind,
        left_period as period,
        left_period_starts_on as period_starts_on,
        case line_code when 'B' then 'C' else line_code end as line_code,
        -amount as amount,
        documents
    from placed
    where is_moved and period != left_period

),

-- Net billed follows from gross and credits; what the lines cannot explain between sold and
-- invoiced must be nothing.
derived as (

    select * replace ('N' as line_code)
    from flows
    where line_code in ('I2', 'R')

    union all

    select
        * replace (
            'RESIDUAL' as line_code,
            case line_code when 'I1' then -amount else amount end as amount,
            0 as documents
        )
    from flows
    where line_code not in ('E', 'T', 'I2', 'R')

),

amounts as (

    select
        company_id,
        currency_code,
        period_kind,
        period,
        line_code,
        sum(amount) as amount,
        sum(documents) as documents
    from (
        select * from flows
        union all
        select * from derived
    ) as flows_and_derived
    group by all

),

books as (

    select distinct
        company_id,
        currency_code,
        period_kind,
        period,
        period_starts_on
    from flows

),

-- Every bridge shows every line, also those without an amount.
final as (

    select
        books.company_id,
        books.currency_code,
        books.period_kind,
        books.period,
        books.period_starts_on,
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
            and books.period_kind = amounts.period_kind
            and books.period = amounts.period
            and line_names.line_code = amounts.line_code

)

select * from final
