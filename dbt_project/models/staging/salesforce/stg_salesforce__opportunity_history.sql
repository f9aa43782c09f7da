select
    org_id,
    id as history_id,
    opportunity_id as deal_id,
    stage_name,
    cast(amount as decimal(18, 2)) as amount,
    cast(close_date as date) as closed_on,
    cast(created_date as timestamptz) as changed_at,
    created_by_id as changed_by_id
from {{ source('raw_salesforce', 'opportunity_history') }}
where not ({{ is_deleted_or_gone('OpportunityHistory') }})
