select
    org_id,
    id as user_id,
    name as user_name,
    email,
    coalesce(is_active, false) as is_active
from {{ source('raw_salesforce', 'user') }}
