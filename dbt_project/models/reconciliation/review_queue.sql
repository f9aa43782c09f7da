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
        max(abs(amount_at_stake)) over (
            partition by
                subject, company_id, case subject when 'invoice' then right_id else left_id end
        ) as record_amount
    from combined

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
        -- Where most money hangs on it first; the candidates of one record stay together.
        cast(row_number() over (
            order by
                record_amount desc nulls last,
                subject asc,
                company_id asc,
                record_id asc,
                candidate_rank asc,
                review_id asc
        ) as integer) as queue_rank
    from grouped

)

select * from final
