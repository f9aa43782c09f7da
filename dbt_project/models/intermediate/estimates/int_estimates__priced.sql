-- Value, lines and price book of each estimate as an opportunity would hold them.
with

estimates as (

    select * from {{ ref('stg_quickbooks__estimates') }}

),

lines as (

    select * from {{ ref('int_estimates__lines') }}

),

pricebooks as (

    select * from {{ judged(ref('stg_salesforce__pricebooks')) }}
    where is_active and not is_deleted

),

entries as (

    select * from {{ judged(ref('stg_salesforce__pricebook_entries')) }}
    where is_active and not is_deleted

),

lines_summed as (

    select
        company_id,
        estimate_id,
        count(*) as line_count,
        count(distinct product_id) as product_count,
        sum(amount) as amount,
        string_agg(distinct item_id, ', ' order by item_id) filter (where product_id is null)
            as items_unmapped,
        md5(string_agg(
            product_id || '|' || quantity || '|' || amount, '/'
            order by product_id, quantity, amount
        )) as lines_print
    from lines
    group by company_id, estimate_id

),

-- A price book that holds every product in the estimate's currency; the standard one first.
books as (

    select
        lines.company_id,
        lines.estimate_id,
        pricebooks.pricebook_id,
        pricebooks.is_standard,
        pricebooks.pricebook_name,
        count(distinct lines.product_id) as product_count
    from lines
    inner join estimates
        on lines.company_id = estimates.company_id and lines.estimate_id = estimates.estimate_id
    inner join entries
        on
            lines.org_id = entries.org_id
            and lines.product_id = entries.product_id
            and coalesce(entries.currency_code, estimates.currency_code) = estimates.currency_code
    inner join pricebooks
        on entries.org_id = pricebooks.org_id and entries.pricebook_id = pricebooks.pricebook_id
    group by all

),

books_chosen as (

    select
        books.company_id,
        books.estimate_id,
        arg_min(
            books.pricebook_id, (not books.is_standard, books.pricebook_name, books.pricebook_id)
        ) as pricebook_id
    from books
    inner join lines_summed
        on
            books.company_id = lines_summed.company_id
            and books.estimate_id = lines_summed.estimate_id
            and books.product_count = lines_summed.product_count
    group by books.company_id, books.estimate_id

),

final as (

    select
        estimates.company_id,
        estimates.estimate_id,
        cast(coalesce(lines_summed.amount, 0) as decimal(18, 2)) as amount,
        cast(coalesce(lines_summed.line_count, 0) as integer) as line_count,
        lines_summed.items_unmapped,
        lines_summed.lines_print,
        books_chosen.pricebook_id
    from estimates
    left join lines_summed
        on
            estimates.company_id = lines_summed.company_id
            and estimates.estimate_id = lines_summed.estimate_id
    left join books_chosen
        on
            estimates.company_id = books_chosen.company_id
            and estimates.estimate_id = books_chosen.estimate_id

)

select * from final
