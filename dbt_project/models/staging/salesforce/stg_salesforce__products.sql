select
    org_id,
    id as product_id,
    name as product_name,
    nullif(trim(product_code), '') as product_code,
    nullif(trim(stock_keeping_unit), '') as sku,
    description,
    {{ optional_column(source('raw_salesforce', 'product2'), 'qbo_item_id__c') }} as item_key,
    family,
    coalesce(is_active, false) as is_active,
    {{ is_deleted_or_gone('Product2') }} as is_deleted
from {{ source('raw_salesforce', 'product2') }}
