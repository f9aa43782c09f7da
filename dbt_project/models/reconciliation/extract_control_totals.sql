-- The latest of each figure that a vendor was asked for, beside what is held, in words.
with

asked as (

    select
        'salesforce' as system,
        source_id,
        object,
        measure,
        currency,
        vendor_value,
        held_value,
        agrees,
        asked_at
    from {{ source('raw_salesforce', 'control_total') }}

    union all

    select
        'quickbooks' as system,
        source_id,
        object,
        measure,
        currency,
        vendor_value,
        held_value,
        agrees,
        asked_at
    from {{ source('raw_quickbooks', 'control_total') }}

),

latest as (

    select * from asked
    qualify row_number() over (
        partition by system, source_id, object, measure, currency
        order by asked_at desc, agrees desc nulls last
    ) = 1

),

final as (

    select
        system,
        source_id,
        object,
        measure,
        currency,
        vendor_value,
        held_value,
        agrees,
        -- Counts and sums are of records that are all read; a report may hold others as well.
        measure = 'rows' or starts_with(measure, 'sum of ') as is_barring,
        case system when 'salesforce' then 'Salesforce ' else 'QuickBooks ' end
        || object || ': '
        || case
            when measure = 'rows'
                then
                    format('{:,}', cast(held_value as bigint)) || ' rows held of '
                    || format('{:,}', cast(vendor_value as bigint))
            else
                measure || ' is ' || cast(cast(held_value as decimal(38, 2)) as varchar)
                || coalesce(' ' || currency, '') || ' here and '
                || cast(cast(vendor_value as decimal(38, 2)) as varchar) || ' there'
        end as sentence,
        asked_at
    from latest

)

select * from final
