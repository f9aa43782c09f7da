-- How long it took from the plan's date to the first invoice: plan steps by length, per company
-- and currency; a length that no step took is there with none.
with

steps as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        amount,
        greatest(first_invoice_on - due_on, 0) as days
    from {{ ref('int_reconciliation__steps') }}
    where first_invoice_on is not null

),

lengths as (

    select * from (
        values
        (1, '0', 0, 0),
        (2, '1-2', 1, 2),
        (3, '3-5', 3, 5),
        (4, '6-10', 6, 10),
        (5, '11-30', 11, 30),
        (6, '31+', 31, null)
    ) as lengths (bucket_number, bucket, first_day, last_day)

),

books as (

    select distinct
        company_id,
        currency_code
    from steps

),

final as (

    select
        books.company_id,
        books.currency_code,
        cast(lengths.bucket_number as integer) as bucket_number,
        cast(lengths.bucket as varchar) as bucket,
        cast(count(steps.days) as integer) as steps,
        cast(coalesce(sum(steps.amount), 0) as decimal(18, 2)) as amount
    from books
    cross join lengths
    left join steps
        on
            books.company_id = steps.company_id
            and books.currency_code = steps.currency_code
            and lengths.first_day <= steps.days
            and (lengths.last_day is null or lengths.last_day >= steps.days)
    group by books.company_id, books.currency_code, lengths.bucket_number, lengths.bucket

)

select * from final
