-- What Crossfoot itself wrote of each invoice: the bytes of the ledger, read like a document. Its
-- lines are put in an order of their own, because only what they say is compared.
with

written as (

    select
        company_id,
        remote_id as invoice_id,
        from_json(payload, '{{ sales_document_shape() }}') as doc,
        finished_at
    from {{ source('raw_state', 'ledger') }}
    where
        flow = 'invoices'
        and entity = 'Invoice'
        and status = 'done'
        and action = 'create'
        and remote_id is not null
        and payload is not null

),

lines as (

    select
        company_id,
        invoice_id,
        unnest(doc."Line") as line
    from written

),

bundled as (

    select
        company_id,
        invoice_id,
        unnest(line."GroupLineDetail"."Line") as line
    from lines
    where line."GroupLineDetail" is not null

),

-- Of a bundle its parts: they are what the books add up.
lines_apart as (

    select
        company_id,
        invoice_id,
        {{ written_line('line') }}
    from lines
    where line."GroupLineDetail" is null

    union all

    select
        company_id,
        invoice_id,
        {{ written_line('line') }}
    from bundled

),

lines_summed as (

    select
        company_id,
        invoice_id,
        sum(line_amount) as net_amount,
        list_sort(list(concat_ws(
            '|', item_id, cast(line_amount as decimal(18, 2)), cast(quantity as decimal(28, 6))
        ))) as line_signature,
        list_sort(list({{ words_of('description') }})) as descriptions
    from lines_apart
    group by company_id, invoice_id

),

final as (

    select
        written.company_id,
        written.invoice_id,
        written.doc."CustomerRef".value as customer_id,
        written.doc."CurrencyRef".value as currency_code,
        written.doc."TxnDate" as invoice_on,
        written.doc."SalesTermRef".value as term_id,
        cast(lines_summed.net_amount as decimal(18, 2)) as net_amount,
        lines_summed.line_signature,
        lines_summed.descriptions,
        written.finished_at as written_at
    from written
    inner join lines_summed
        on
            written.company_id = lines_summed.company_id
            and written.invoice_id = lines_summed.invoice_id
    -- A ledger that was lost and found again may name an invoice twice; the first word counts.
    qualify row_number() over (
        partition by written.company_id, written.invoice_id order by written.finished_at
    ) = 1

)

select * from final
