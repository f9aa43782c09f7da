-- Deals that are billed by the schedules of their lines in Salesforce: which part of which line on
-- which day. A line without a schedule is billed on close. A discount of the deal's own makes every
-- part less in proportion; what the parts of a line lack to what it is worth, its last part takes,
-- so that the parts add up to the basis. Nothing is due before the close.
with

deals as (

    select * from {{ ref('int_deals__billable') }}

),

lines as (

    select * from {{ ref('int_deals__lines') }}

),

schedules as (

    select * from {{ judged(ref('stg_salesforce__line_schedules')) }}
    where not is_deleted and revenue is not null and scheduled_on is not null

),

-- The plan that somebody named on the deal counts, unless it is the schedule itself.
deals_scheduled as (

    select
        deals.org_id,
        deals.deal_id,
        any_value(deals.closed_on) as closed_on
    from deals
    inner join lines on deals.org_id = lines.org_id and deals.deal_id = lines.deal_id
    inner join schedules on lines.org_id = schedules.org_id and lines.line_id = schedules.line_id
    where coalesce(deals.billing_plan, 'Schedule') = 'Schedule'
    group by deals.org_id, deals.deal_id

),

parts as (

    select
        lines.org_id,
        lines.deal_id,
        lines.line_id,
        lines.total_price,
        lines.amount,
        greatest(
            coalesce(schedules.scheduled_on, deals_scheduled.closed_on),
            deals_scheduled.closed_on
        ) as due_on,
        sum(coalesce(schedules.revenue, lines.total_price)) as revenue
    from lines
    inner join deals_scheduled
        on lines.org_id = deals_scheduled.org_id and lines.deal_id = deals_scheduled.deal_id
    left join schedules
        on lines.org_id = schedules.org_id and lines.line_id = schedules.line_id
    group by all

),

-- A part of more places is rounded, half a cent away from zero, before it is discounted.
parts_discounted as (

    select
        * exclude (revenue),
        case
            when amount = total_price then revenue
            else {{ in_proportion(
                cents('round(revenue, 2)'), cents('amount'), cents('total_price')
            ) }} * 0.01
        end as revenue
    from parts

),

final as (

    select
        org_id,
        deal_id,
        line_id,
        due_on,
        -- The day is the step's number: another day that is put in between renumbers nothing.
        cast(strftime(due_on, '%Y%m%d') as integer) as plan_step,
        cast(
            revenue
            + case
                when due_on = max(due_on) over line
                    then amount - sum(revenue) over line
                else 0
            end as decimal(18, 2)
        ) as amount
    from parts_discounted
    window line as (partition by org_id, line_id)

)

select * from final
