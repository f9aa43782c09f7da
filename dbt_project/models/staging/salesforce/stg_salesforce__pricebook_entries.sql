select
    org_id,
    id as pricebook_entry_id,
    pricebook2_id as pricebook_id,
    product2_id as product_id,
    cast(unit_price as decimal(28, 10)) as unit_price,
    {{ record_currency(source('raw_salesforce', 'pricebook_entry')) }} as currency_code,
    coalesce(is_active, false) as is_active,
    coalesce(
        {{ optional_column(source('raw_salesforce', 'pricebook_entry'), 'use_standard_price') }}
        = 'true', false
    ) as takes_standard_price,
    {{ is_deleted_or_gone('PricebookEntry') }} as is_deleted
from {{ source('raw_salesforce', 'pricebook_entry') }}
