select
    org_id,
    id as pricebook_entry_id,
    pricebook2_id as pricebook_id,
    product2_id as product_id,
    cast(unit_price as decimal(28, 10)) as unit_price,
    currency_iso_code as currency_code,
    coalesce(is_active, false) as is_active,
    coalesce(is_deleted, false) as is_deleted
from {{ source('raw_salesforce', 'pricebook_entry') }}
