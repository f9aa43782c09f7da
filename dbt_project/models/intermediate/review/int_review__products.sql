-- Product links that wait for a person, with the money on open and won deals that they hold up.
with

waiting as (
    select
        matched.*,
        decided.returned_because
    from {{ ref('matched_products') }} as matched
    inner join {{ ref('int_products__decided') }} as decided
        on
            matched.org_id = decided.org_id
            and matched.product_id = decided.product_id
            and matched.company_id = decided.company_id
            and matched.item_id = decided.item_id
    where matched.match_state in ('suggested', 'ambiguous')
),

sold as (
    select
        lines.org_id,
        lines.product_id,
        deals.currency_code,
        sum(lines.total_price) as sold_amount
    from {{ judged(ref('stg_salesforce__opportunity_lines')) }} as lines
    inner join {{ judged(ref('stg_salesforce__opportunities')) }} as deals
        on lines.org_id = deals.org_id and lines.deal_id = deals.deal_id
    where deals.is_won and not deals.is_deleted and not lines.is_deleted
    group by all
),

stakes as (
    select
        org_id,
        product_id,
        currency_code,
        sold_amount
    from sold
    qualify row_number() over (
        partition by org_id, product_id order by sold_amount desc nulls last, currency_code
    ) = 1
)

select
    md5(concat_ws(
        '|', 'product', waiting.org_id, waiting.product_id, waiting.company_id, waiting.item_id
    )) as review_id,
    'product' as subject,
    waiting.org_id,
    waiting.product_id as left_id,
    waiting.product_name as left_name,
    waiting.company_id,
    waiting.item_id as right_id,
    waiting.item_name as right_name,
    waiting.match_state,
    waiting.confidence,
    waiting.method as rule,
    {{ review_band('waiting.match_state', 'waiting.confidence', 'waiting.returned_because') }}
        as band,
    coalesce(waiting.returned_because || '. Now: ', '')
    || case
        when cast(waiting.evidence ->> '$.other_variant' as boolean)
            then 'same code, but the names tell two variants'
        when cast(waiting.evidence ->> '$.other_code' as boolean)
            then 'same name but another code: renumbered, or a variant'
        when waiting.method = 'sku' then 'a code that several share'
        when waiting.method = 'words' then 'the same words, or all of one name in the other'
        else 'a name that several share'
    end
    || case waiting.evidence ->> '$.description'
        when 'same' then ', same description' when 'different' then ', other description'
        else ''
    end
    || case waiting.evidence ->> '$.price'
        when 'same' then ', same price' when 'different' then ', other price' else ''
    end as reason,
    cast(row_number() over (
        partition by waiting.org_id, waiting.product_id, waiting.company_id
        order by waiting.confidence desc, waiting.item_id
    ) as integer) as candidate_rank,
    cast(count(*) over (
        partition by waiting.org_id, waiting.product_id, waiting.company_id
    ) as integer) as candidates,
    stakes.sold_amount as amount_at_stake,
    stakes.currency_code,
    'billed as the wrong item' as if_wrongly_confirmed,
    'no item is known for it: its deals are not billed' as if_wrongly_rejected,
    waiting.evidence
from waiting
left join stakes
    on waiting.org_id = stakes.org_id and waiting.product_id = stakes.product_id
