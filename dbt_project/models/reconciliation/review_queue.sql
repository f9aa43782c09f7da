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
        currency_code
    from combined

)

select * from final
