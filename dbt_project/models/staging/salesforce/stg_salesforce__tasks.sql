select
    org_id,
    id as task_id,
    what_id,
    subject,
    status as task_status,
    priority,
    activity_date as due_on,
    description,
    owner_id,
    coalesce(is_closed, false) as is_closed,
    {{ is_deleted_or_gone('Task') }} as is_deleted
from {{ source('raw_salesforce', 'task') }}
