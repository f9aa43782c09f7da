-- A stage that the seed does not describe would silently be "not won". Add it to seeds/stages.csv.
with

deals as (

    select * from {{ ref('stg_salesforce__opportunities') }}

),

stages as (

    select * from {{ ref('stages') }}

)

select
    deals.stage_name,
    count(*) as deals
from deals
left join stages on deals.stage_name = stages.stage_name
where stages.stage_name is null
group by deals.stage_name
