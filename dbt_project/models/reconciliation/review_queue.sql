-- Everything that waits for a person's decision about who is who.
with

customers as (

    select * from {{ ref('int_review__customers') }}

),

products as (

    select * from {{ ref('int_review__products') }}

),

invoices as (

    select * from {{ ref('int_review__invoices') }}

),

combined as (

    select * from customers
    union all by name
    select * from products
    union all by name
    select * from invoices

),

grouped as (

    select
        *,
        case subject when 'invoice' then right_id else left_id end as record_id,
        max(abs(amount_at_stake)) over record as record_amount,
        max_by(
            currency_code,
            case when amount_at_stake is not null then (abs(amount_at_stake), currency_code) end
        ) over record as record_currency
    from combined
    window record as (
        partition by
            subject, company_id, case subject when 'invoice' then right_id else left_id end
    )

),

-- Amounts of two currencies are not compared: each record has its place among those of its own.
placed as (

    select
        *,
        dense_rank() over (
            partition by record_currency
            order by record_amount desc nulls last, subject asc, company_id asc, record_id asc
        ) as place_in_currency
    from grouped

),

final as (

    select
        review_id,
        subject,
        org_id,
        left_id,
        left_name,
        company_id,
        right_id,
        right_name,
        match_state,
        cast(confidence as decimal(9, 6)) as confidence,
        reason,
        cast(candidate_rank as integer) as candidate_rank,
        cast(candidates as integer) as candidates,
        cast(amount_at_stake as decimal(18, 2)) as amount_at_stake,
        currency_code,
        rule,
        band,
        if_wrongly_confirmed,
        if_wrongly_rejected,
        evidence,
        -- What most money of its currency hangs on first, the currencies in turn; the candidates of
        -- one record stay together.
        cast(row_number() over (
            order by
                record_amount is null asc,
                place_in_currency asc,
                record_currency asc,
                subject asc,
                company_id asc,
                record_id asc,
                candidate_rank asc,
                review_id asc
        ) as integer) as queue_rank
    from placed

)

select * from final
