-- Deals with a discount of their own (seed deal_discounts): of each the first row by priority whose
-- field holds something but nought. What it takes off the sum of the lines, to the cent, or why
-- that cannot be told; then it takes off nothing and the deal is not invoiced. Without rows of the
-- seed no deal has one.
with

rules as (

    select * from {{ ref('deal_discounts') }}

),

lines as (

    select * from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted

),

lines_summed as (

    select
        org_id,
        deal_id,
        cast(sum(round(total_price, 2)) as decimal(18, 2)) as line_amount
    from lines
    where exists (select 1 from rules)
    group by org_id, deal_id

),

records as (

    select
        lines_summed.org_id,
        lines_summed.deal_id,
        lines_summed.line_amount,
        to_json(opportunity) as deal
    from lines_summed
    inner join {{ source('raw_salesforce', 'opportunity') }} as opportunity
        on lines_summed.org_id = opportunity.org_id and lines_summed.deal_id = opportunity.id

),

asked as (

    select
        records.org_id,
        records.deal_id,
        records.line_amount,
        rules.priority,
        rules.source_field,
        rules.kind,
        {{ has_field('records.deal', 'rules.source_field') }} as is_field_known,
        {{ field_value('records.deal', 'rules.source_field') }} as own_value
    from records
    cross join rules

),

valued as (

    select
        *,
        try_cast(own_value as decimal(28, 10)) as discount
    from asked
    where
        not is_field_known
        or (own_value is not null and try_cast(own_value as decimal(28, 10)) is distinct from 0)
    qualify row_number() over (
        partition by org_id, deal_id order by priority, source_field
    ) = 1

),

priced as (

    select
        *,
        case kind
            -- Ten-thousandths of a per cent, of cents. What has more places is rounded before it is
            -- reckoned with, half of the last one away from zero.
            when 'percent'
                then cast(
                    {{ in_proportion(
                        cents('line_amount'), 'cast(round(discount, 4) * 10000 as hugeint)',
                        '1000000'
                    ) }} * 0.01 as decimal(18, 2)
                )
            when 'amount' then cast(round(discount, 2) as decimal(18, 2))
        end as wanted_amount
    from valued
    -- What no deal is discounted by is told as a reason, and need not fit into a column.
    where discount is null or abs(discount) < 100000000000000

),

joined as (

    select
        valued.org_id,
        valued.deal_id,
        valued.line_amount,
        valued.source_field,
        valued.kind,
        valued.is_field_known,
        valued.own_value,
        valued.discount,
        priced.wanted_amount,
        case
            when not valued.is_field_known then 'mapped_field_unknown'
            when valued.discount is null then 'deal_discount_unclear'
            when valued.discount < 0 then 'deal_discount_unclear'
            when valued.kind = 'percent' and valued.discount > 100 then 'deal_discount_unclear'
            when priced.wanted_amount is null then 'deal_discount_unclear'
            when priced.wanted_amount > greatest(valued.line_amount, 0)
                then 'deal_discount_unclear'
        end as blocked_reason
    from valued
    left join priced on valued.org_id = priced.org_id and valued.deal_id = priced.deal_id

),

final as (

    select
        org_id,
        deal_id,
        line_amount,
        source_field,
        kind,
        case when blocked_reason is null then wanted_amount else cast(0 as decimal(18, 2)) end
            as discount_amount,
        -- As a customer reads it.
        case
            when blocked_reason is null and kind = 'percent' then {{ plain_number('discount') }}
        end as discount_percent,
        blocked_reason,
        case
            when not is_field_known then 'deal.' || source_field || ' is not read from Salesforce'
            when blocked_reason is not null
                then
                    source_field || ' says ' || own_value
                    || case kind when 'percent' then ' %' else '' end
                    || '; a discount is above 0 and at most '
                    || case kind when 'percent' then '100 %' else 'the lines of the deal' end
                    || ', which add up to ' || line_amount
        end as blocked_detail
    from joined

)

select * from final
