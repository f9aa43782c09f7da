select
    org_id,
    id as line_id,
    opportunity_id as deal_id,
    product2_id as product_id,
    pricebook_entry_id,
    product_code,
    description,
    quantity,
    unit_price,
    discount as discount_percent,
    cast(total_price as decimal(18, 2)) as total_price,
    cast(service_date as date) as service_on,
    sort_order,
    coalesce(is_deleted, false) as is_deleted
from {{ source('raw_salesforce', 'opportunity_line_item') }}
