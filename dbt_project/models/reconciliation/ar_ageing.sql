-- Open receivables by days past due, per company and currency. The buckets add up to the open
-- balances of all live invoices.
with

statuses as (

    select * from {{ ref('invoice_status') }}
    where balance != 0

),

buckets as (

    select *
    from (
        values
        (1, 'current', -1000000, 0),
        (2, '1-30', 1, 30),
        (3, '31-60', 31, 60),
        (4, '61-90', 61, 90),
        (5, '91+', 91, 1000000)
    ) as named (bucket_number, bucket, from_days, to_days)

),

books as (

    select distinct
        company_id,
        currency_code
    from {{ ref('invoice_status') }}

),

statuses_bucketed as (

    select
        statuses.company_id,
        statuses.currency_code,
        buckets.bucket_number,
        sum(statuses.balance) as amount,
        count(*) as documents
    from statuses
    inner join buckets
        on coalesce(statuses.days_overdue, 0) between buckets.from_days and buckets.to_days
    group by statuses.company_id, statuses.currency_code, buckets.bucket_number

),

final as (

    select
        books.company_id,
        books.currency_code,
        cast(buckets.bucket_number as integer) as bucket_number,
        buckets.bucket,
        cast(coalesce(statuses_bucketed.amount, 0) as decimal(18, 2)) as amount,
        cast(coalesce(statuses_bucketed.documents, 0) as integer) as documents
    from books
    cross join buckets
    left join statuses_bucketed
        on
            books.company_id = statuses_bucketed.company_id
            and books.currency_code = statuses_bucketed.currency_code
            and buckets.bucket_number = statuses_bucketed.bucket_number

)

select * from final
