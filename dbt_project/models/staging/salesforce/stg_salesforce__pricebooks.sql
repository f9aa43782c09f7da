select
    org_id,
    id as pricebook_id,
    name as pricebook_name,
    coalesce(is_standard, false) as is_standard,
    coalesce(is_active, false) as is_active,
    {{ is_deleted_or_gone('Pricebook2') }} as is_deleted
from {{ source('raw_salesforce', 'pricebook2') }}
