-- The periods of a kind add up to the bridge over all, line by line. What is carried from one
-- period into another only changes the line: carried in and planned for later are taken together.
with

lines as (

    select
        company_id,
        currency_code,
        period_kind,
        case when line_code in ('B', 'C') then 'B and C' else line_code end as line_code,
        sum(amount) as amount
    from {{ ref('reconciliation_bridge') }}
    group by all

),

lines_to_date as (

    select * from lines
    where period_kind = 'to_date'

)

select
    periods.*,
    to_date.amount as amount_to_date
from lines as periods
full outer join lines_to_date as to_date
    on
        periods.company_id = to_date.company_id
        and periods.currency_code = to_date.currency_code
        and periods.line_code = to_date.line_code
where periods.amount is distinct from to_date.amount
