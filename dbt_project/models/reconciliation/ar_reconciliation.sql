-- Open receivables as held, against QuickBooks' own report of them, per company and bucket, in the
-- currency of the report.
{%- set buckets = ['current_amount', 'days_1_to_30', 'days_31_to_60', 'days_61_to_90',
                   'days_91_and_over'] %}
{%- set names = ['current', '1-30', '31-60', '61-90', '91+'] %}
with

compared as (

    select * from {{ ref('int_receivables__compared') }}

),

by_bucket as (
    {% for bucket in buckets %}
    select
        company_id,
        currency_code,
        as_of_on,
        asked_at,
        {{ loop.index }} as bucket_number,
        '{{ names[loop.index0] }}' as bucket,
        comparison,
        reported_{{ bucket }} as reported_amount,
        held_{{ bucket }} as held_amount,
        held_{{ bucket }} - reported_{{ bucket }} as difference
    from compared
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

companies as (

    select
        company_id,
        count(*) filter (where comparison = 'differs') as customers_differing,
        count(*) filter (where comparison = 'moved_on') as customers_moved_on,
        sum(invoice_amount) as invoice_amount,
        sum(credit_amount) as credit_amount,
        array_to_string(
            list(coalesce(customer_name, 'customer ' || customer_id) order by customer_id) filter (
                where comparison = 'differs'
            )[:3],
            ', '
        ) as first_differing
    from compared
    group by company_id

),

summed as (

    select
        company_id,
        currency_code,
        as_of_on,
        asked_at,
        bucket_number,
        bucket,
        sum(reported_amount) as reported_amount,
        sum(held_amount) as held_amount,
        coalesce(sum(difference) filter (where comparison = 'moved_on'), 0) as moved_on_amount,
        coalesce(sum(difference) filter (where comparison = 'differs'), 0) as difference,
        count(*) filter (where comparison = 'differs' and difference != 0) as customers_differing
    from by_bucket
    group by all

),

final as (

    select
        summed.company_id,
        summed.currency_code,
        cast(summed.bucket_number as integer) as bucket_number,
        summed.bucket,
        cast(summed.reported_amount as decimal(18, 2)) as reported_amount,
        cast(summed.held_amount as decimal(18, 2)) as held_amount,
        cast(summed.moved_on_amount as decimal(18, 2)) as moved_on_amount,
        cast(summed.difference as decimal(18, 2)) as difference,
        cast(summed.customers_differing as integer) as customers_differing,
        companies.customers_differing = 0 as is_reconciled,
        cast(companies.invoice_amount as decimal(18, 2)) as company_invoice_amount,
        cast(companies.credit_amount as decimal(18, 2)) as company_credit_amount,
        cast(companies.customers_moved_on as integer) as company_customers_moved_on,
        'Receivables differ from QuickBooks'' own report of '
        || strftime(summed.as_of_on, '%Y-%m-%d') || ': ' || companies.first_differing
        || case
            when companies.customers_differing > 3
                then ' and ' || (companies.customers_differing - 3) || ' more'
            else ''
        end as sentence,
        summed.as_of_on,
        summed.asked_at
    from summed
    inner join companies on summed.company_id = companies.company_id

)

select * from final
