-- What each line of a deal is worth: its total price less its part of the deal's own discount. The
-- lines share that by their total prices, so that they add up to the deal's basis to the cent. A
-- total price of more places is rounded, half a cent away from zero, before anything is reckoned.
with

lines as (

    select * from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted

),

discounts as (

    select * from {{ ref('int_deals__discounted') }}
    where discount_amount > 0

),

lines_weighed as (

    select
        lines.org_id,
        lines.deal_id,
        lines.line_id,
        cast(round(lines.total_price, 2) as decimal(18, 2)) as total_price,
        coalesce({{ cents('round(lines.total_price, 2)') }}, 0) as line_cents,
        coalesce({{ cents('discounts.line_amount') }}, 1) as whole_cents,
        coalesce({{ cents('discounts.discount_amount') }}, 0) as discount_cents,
        row_number() over (
            partition by lines.org_id, lines.deal_id
            order by lines.sort_order nulls last, lines.line_id
        ) as line_rank
    from lines
    left join discounts
        on lines.org_id = discounts.org_id and lines.deal_id = discounts.deal_id

),

lines_shared as (

    {{ shared_by_remainder(
        'lines_weighed', 'discount_cents', 'line_cents', 'whole_cents', 'org_id, deal_id',
        'line_rank'
    ) }}

),

discounted as (

    select
        *,
        cast(shared_cents * 0.01 as decimal(18, 2)) as discount_amount
    from lines_shared

),

final as (

    select
        org_id,
        deal_id,
        line_id,
        total_price,
        discount_amount,
        cast(total_price - discount_amount as decimal(18, 2)) as amount
    from discounted

)

select * from final
