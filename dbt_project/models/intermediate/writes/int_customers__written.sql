-- What we wrote last to each customer. That it was read back stands here, and not the moment the
-- books are judged at: what depends on this is another only when a write or its reading is.
with

clock as (

    select as_of_at from {{ ref('int_clock') }}

),

written as (

    {{ last_written('customers', {
        'email': '$.PrimaryEmailAddr.Address', 'phone': '$.PrimaryPhone.FreeFormNumber',
        'billing_line1': '$.BillAddr.Line1', 'billing_city': '$.BillAddr.City',
        'billing_state': '$.BillAddr.CountrySubDivisionCode',
        'billing_postal_code': '$.BillAddr.PostalCode', 'billing_country': '$.BillAddr.Country',
        'shipping_line1': '$.ShipAddr.Line1', 'shipping_city': '$.ShipAddr.City',
        'shipping_state': '$.ShipAddr.CountrySubDivisionCode',
        'shipping_postal_code': '$.ShipAddr.PostalCode', 'shipping_country': '$.ShipAddr.Country'
    }) }}

)

select
    written.*,
    clock.as_of_at > written.known_as_of as is_read_back
from written
cross join clock
