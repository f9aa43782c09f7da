-- Units of a currency for one of the corporate currency, from a day until before another.
select
    org_id,
    id as conversion_rate_id,
    iso_code as currency_code,
    cast(conversion_rate as decimal(28, 10)) as conversion_rate,
    cast(start_date as date) as valid_from,
    cast(next_start_date as date) as valid_until
from {{ source('raw_salesforce', 'dated_conversion_rate') }}
