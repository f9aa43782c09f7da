-- What we wrote last to each product. That it was read back stands here, and not the moment the
-- books are judged at: what depends on this is another only when a write or its reading is.
with

clock as (

    select as_of_at from {{ ref('int_clock') }}

),

written as (

    {{ last_written('products', {'sku': '$.Sku', 'description': '$.Description'}) }}

)

select
    written.*,
    clock.as_of_at > written.known_as_of as is_read_back
from written
cross join clock
