select
    org_id,
    id as line_id,
    opportunity_id as deal_id,
    product2_id as product_id,
    pricebook_entry_id,
    product_code,
    description,
    cast(quantity as decimal(28, 10)) as quantity,
    cast(unit_price as decimal(28, 10)) as unit_price,
    cast(discount as decimal(9, 4)) as discount_percent,
    cast(total_price as decimal(18, 2)) as total_price,
    cast(service_date as date) as service_on,
    cast(sort_order as integer) as sort_order,
    {{ is_deleted_or_gone('OpportunityLineItem') }} as is_deleted
from {{ source('raw_salesforce', 'opportunity_line_item') }}
