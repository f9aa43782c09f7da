-- What was invoiced as held, against QuickBooks' own list of invoices, per company, currency
-- and month.
with

compared as (

    select * from {{ ref('int_invoices__compared') }}

),

companies as (

    select
        company_id,
        count(*) filter (where comparison = 'differs') as invoices_differing,
        array_to_string(
            list(
                'invoice ' || coalesce(nullif(document_number, ''), 'with id ' || invoice_id)
                || case
                    when held_on is null then ' is not here'
                    when reported_on is null then ' is not there'
                    when held_on != reported_on
                        then ' is dated ' || held_on || ' here and ' || reported_on || ' there'
                    else ' is ' || held_amount || ' here and ' || reported_amount || ' there'
                end
                order by invoice_on, invoice_id
            ) filter (where comparison = 'differs')[:3],
            ', '
        ) as first_differing
    from compared
    group by company_id

),

summed as (

    select
        company_id,
        currency_code,
        from_on,
        to_on,
        asked_at,
        date_trunc('month', invoice_on) as month_on,
        count(*) as invoices,
        sum(reported_amount) as reported_amount,
        sum(held_amount) as held_amount,
        coalesce(sum(held_amount - reported_amount) filter (where comparison = 'moved_on'), 0)
            as moved_on_amount,
        coalesce(sum(held_amount - reported_amount) filter (where comparison = 'differs'), 0)
            as difference,
        count(*) filter (where comparison = 'differs') as invoices_differing
    from compared
    group by all

),

final as (

    select
        summed.company_id,
        summed.currency_code,
        cast(summed.month_on as date) as month_on,
        cast(summed.invoices as integer) as invoices,
        cast(summed.reported_amount as decimal(18, 2)) as reported_amount,
        cast(summed.held_amount as decimal(18, 2)) as held_amount,
        cast(summed.moved_on_amount as decimal(18, 2)) as moved_on_amount,
        cast(summed.difference as decimal(18, 2)) as difference,
        cast(summed.invoices_differing as integer) as invoices_differing,
        companies.invoices_differing = 0 as is_reconciled,
        'Invoices differ from QuickBooks'' own list of '
        || strftime(summed.from_on, '%Y-%m-%d') || ' to ' || strftime(summed.to_on, '%Y-%m-%d')
        || ': ' || companies.first_differing
        || case
            when companies.invoices_differing > 3
                then ' and ' || (companies.invoices_differing - 3) || ' more'
            else ''
        end as sentence,
        summed.from_on,
        summed.to_on,
        summed.asked_at
    from summed
    inner join companies on summed.company_id = companies.company_id

)

select * from final
