-- Price book entries that should cost what seeds/price_books.csv makes of QuickBooks' price: to be
-- made, to be changed, or blocked with the reason. An entry that takes the standard price by
-- itself, or is inactive, is left alone. Lines of deals keep the price they were sold at.
with

clock as (

    select
        as_of_at,
        as_of_on
    from {{ ref('int_clock') }}

),

owners as (

    {{ field_rules('prices', ['unit_price']) }}

),

rules as (

    select price_books.*
    from {{ ref('price_books') }} as price_books
    cross join clock
    where
        coalesce(price_books.valid_from <= clock.as_of_on, true)
        and coalesce(price_books.valid_until >= clock.as_of_on, true)

),

books as (

    select * from {{ judged(ref('stg_salesforce__pricebooks')) }}
    where not is_deleted

),

products as (

    select * from {{ judged(ref('stg_salesforce__products')) }}
    where not is_deleted and is_active

),

entries as (

    select
        entries.*,
        coalesce(books.is_standard, false) as is_in_standard_book
    from {{ judged(ref('stg_salesforce__pricebook_entries')) }} as entries
    left join books
        on entries.org_id = books.org_id and entries.pricebook_id = books.pricebook_id
    where not entries.is_deleted

),

links as (

    select * from {{ ref('int_products__linked') }}

),

item_prices as (

    select * from {{ ref('int_products__item_prices') }}

),

companies as (

    select
        company_id,
        home_currency_code
    from {{ ref('stg_quickbooks__companies') }}

),

written as (

    {{ last_written('prices', {'unit_price': '$.UnitPrice'}) }}

),

entry_versions as (

    {{ versions_of('history_salesforce', 'pricebook_entry', {
        'id': 'varchar', 'unit_price': 'decimal(18, 7)'
    }) }}

),

first_prices as (

    select
        id as pricebook_entry_id,
        arg_min({{ number_key('unit_price') }}, known_from) as unit_price
    from entry_versions
    group by id

),

item_versions as (

    select
        company_id,
        id as item_id,
        cast(json_extract_string(payload, '$.UnitPrice') as decimal(18, 7)) as unit_price,
        known_to
    from {{ versions_of('history_quickbooks', 'item', {
        'company_id': 'varchar', 'id': 'varchar', 'payload': 'varchar'
    }) }}

),

books_ruled as (

    select
        rules.*,
        books.org_id,
        books.pricebook_id,
        books.is_standard,
        books.is_active
    from rules
    left join books on rules.price_book_name = books.pricebook_name

),

item_history as (

    select
        company_id,
        item_id,
        list({ 'price': unit_price, 'known_to': known_to }) as prices
    from item_versions
    group by company_id, item_id

),

wanted as (

    select
        products.org_id,
        products.product_id,
        products.product_name,
        books_ruled.pricebook_id,
        books_ruled.price_book_name,
        books_ruled.is_standard,
        books_ruled.currency_code,
        books_ruled.company_id,
        links.item_id,
        links.item_name,
        books_ruled.percent,
        books_ruled.adds_products,
        {{ rounded_price(
            'item_prices.unit_price * books_ruled.percent * 0.01',
            "case when books_ruled.percent = 100 or item_prices.unit_price < 1 "
            ~ "then 6 else books_ruled.decimals end"
        ) }} as unit_price,
        list_transform(
            coalesce(item_history.prices, []),
            lambda one: {
                'value': {{ number_key(rounded_price(
                    'one.price * books_ruled.percent * 0.01',
                    'case when books_ruled.percent = 100 or one.price < 1 '
                    ~ 'then 6 else books_ruled.decimals end'
                )) }},
                'known_to': one.known_to
            }
        ) as owner_prices
    from books_ruled
    inner join companies
        on
            books_ruled.company_id = companies.company_id
            and books_ruled.currency_code = companies.home_currency_code
    inner join links on books_ruled.company_id = links.company_id
    inner join products
        on links.org_id = products.org_id and links.product_id = products.product_id
    inner join item_prices
        on links.company_id = item_prices.company_id and links.item_id = item_prices.item_id
    left join item_history
        on links.company_id = item_history.company_id and links.item_id = item_history.item_id
    where books_ruled.is_active and books_ruled.org_id = products.org_id

),

joined as (

    select
        wanted.*,
        entries.pricebook_entry_id,
        cast(entries.unit_price as decimal(18, 7)) as current_unit_price,
        case when entries.pricebook_entry_id is null then 'create' else 'update' end as action,
        wanted.product_id || wanted.pricebook_id || wanted.currency_code as record_id,
        standard.pricebook_entry_id as standard_entry_id,
        first_value(
            case when wanted.is_standard then wanted.product_id || wanted.pricebook_id end
            ignore nulls
        ) over (
            partition by wanted.org_id, wanted.product_id, wanted.currency_code
        ) || wanted.currency_code as standard_record_id,
        {{ changed_by_hand(
            number_key('entries.unit_price'),
            number_key('written.unit_price'),
            'first_prices.unit_price',
            'wanted.owner_prices',
            'written.written_at',
            'clock.as_of_at > written.known_as_of'
        ) }} as is_changed_by_hand
    from wanted
    cross join clock
    left join entries
        on
            wanted.org_id = entries.org_id
            and wanted.product_id = entries.product_id
            and wanted.pricebook_id = entries.pricebook_id
            and wanted.currency_code = entries.currency_code
    left join entries as standard
        on
            wanted.org_id = standard.org_id
            and wanted.product_id = standard.product_id
            and wanted.currency_code = standard.currency_code
            and standard.is_in_standard_book
    left join first_prices on entries.pricebook_entry_id = first_prices.pricebook_entry_id
    left join written
        on
            wanted.org_id = written.company_id
            and wanted.product_id || wanted.pricebook_id || wanted.currency_code
            = written.record_id

),

differing as (

    select joined.*
    from joined
    left join entries
        on
            joined.org_id = entries.org_id
            and joined.pricebook_entry_id = entries.pricebook_entry_id
    cross join owners
    where
        (
            joined.action = 'create'
            and (joined.adds_products or joined.is_standard)
            and owners.creates_unit_price
        )
        or (
            joined.action = 'update'
            and entries.is_active
            and not entries.takes_standard_price
            and owners.writes_unit_price
            and joined.unit_price != joined.current_unit_price
            -- A finer price in Salesforce that QuickBooks holds rounded to the cent is the same.
            and not (
                joined.unit_price = round(joined.unit_price, 2)
                and joined.unit_price = round(joined.current_unit_price, 2)
            )
        )

),

-- A rule that names a book which is not there, or not in use, would do nothing in silence.
books_missing as (

    select
        price_book_name,
        currency_code,
        company_id,
        case when pricebook_id is null then 'price_book_missing' else 'price_book_inactive' end
            as blocked_reason
    from books_ruled
    where not coalesce(is_active, false)

),

final as (

    select
        org_id,
        product_id,
        product_name,
        pricebook_id,
        price_book_name,
        currency_code,
        company_id,
        item_id,
        item_name,
        action,
        pricebook_entry_id,
        record_id,
        case
            when action = 'create' and not is_standard and standard_entry_id is null
                then 'prices:' || org_id || ':' || standard_record_id || ':0:g1'
        end as standard_change_key,
        unit_price,
        current_unit_price,
        percent,
        case
            when is_changed_by_hand and action = 'update' then 'changed_by_hand'
            when
                action = 'create' and not is_standard and standard_entry_id is null
                and standard_record_id is null
                then 'standard_price_missing'
        end as blocked_reason,
        case
            when is_changed_by_hand and action = 'update'
                then
                    'a person set unit_price to ' || current_unit_price || ', QuickBooks says '
                    || unit_price
            when
                action = 'create' and not is_standard and standard_entry_id is null
                and standard_record_id is null
                then
                    'Salesforce wants a standard price in ' || currency_code
                    || ' first; give it one, or add the standard book to seeds/price_books.csv'
        end as blocked_detail
    from differing

    union all by name

    select
        '' as org_id,
        '' as product_id,
        'all products' as product_name,
        '' as pricebook_id,
        price_book_name,
        currency_code,
        company_id,
        '' as item_id,
        '' as item_name,
        'create' as action,
        price_book_name || ' ' || currency_code as record_id,
        cast(0 as decimal(18, 7)) as unit_price,
        blocked_reason,
        'seeds/price_books.csv names ''' || price_book_name
        || ''', which is not an active price book in Salesforce' as blocked_detail
    from books_missing

)

select
    org_id,
    product_id,
    product_name,
    pricebook_id,
    price_book_name,
    currency_code,
    company_id,
    item_id,
    item_name,
    action,
    pricebook_entry_id,
    record_id,
    standard_change_key,
    unit_price,
    current_unit_price,
    cast(percent as decimal(9, 4)) as percent,
    blocked_reason,
    blocked_detail
from final
