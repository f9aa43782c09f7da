select
    company_id,
    entity,
    id as record_id,
    deleted_at,
    proof
from {{ source('raw_quickbooks', 'deletion') }}
