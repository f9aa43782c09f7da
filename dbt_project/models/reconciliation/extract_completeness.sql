-- One row per source and object: when and how it was last read, what the vendor counts, which of
-- its figures agree with what is held, and whether the object is complete.
with

runs as (

    select
        'salesforce' as system,
        source_id,
        object,
        mode,
        rows_read,
        rows_vendor,
        calls,
        server_time,
        finished_at
    from {{ source('raw_salesforce', 'extract_run') }}

    union all

    select
        'quickbooks' as system,
        source_id,
        object,
        mode,
        rows_read,
        rows_vendor,
        calls,
        server_time,
        finished_at
    from {{ source('raw_quickbooks', 'extract_run') }}

),

latest as (

    select * from runs
    qualify row_number() over (
        partition by system, source_id, object
        order by finished_at desc nulls last
    ) = 1

),

controls as (

    select
        system,
        source_id,
        object,
        max(vendor_value) filter (where measure = 'rows') as alive_at_vendor,
        max(held_value) filter (where measure = 'rows') as alive_held,
        count(*) as control_totals,
        count(*) filter (where agrees) as control_totals_agreeing,
        string_agg(sentence, '; ' order by measure, currency) filter (
            where agrees is false and is_barring
        ) as differences,
        max(asked_at) as controlled_at
    from {{ ref('extract_control_totals') }}
    group by system, source_id, object

),

final as (

    select
        latest.system,
        latest.source_id,
        latest.object,
        latest.mode,
        latest.server_time as read_at,
        latest.rows_read,
        latest.rows_vendor,
        latest.calls,
        cast(controls.alive_at_vendor as bigint) as alive_at_vendor,
        cast(controls.alive_held as bigint) as alive_held,
        cast(coalesce(controls.control_totals, 0) as integer) as control_totals,
        cast(coalesce(controls.control_totals_agreeing, 0) as integer) as control_totals_agreeing,
        controls.controlled_at,
        case
            when latest.mode = 'unfinished' then 'not_concluded'
            when latest.rows_vendor is not null and latest.rows_read != latest.rows_vendor
                then 'not_concluded'
            when controls.differences is not null then 'not_concluded'
            else 'concluded'
        end as verdict,
        controls.differences
    from latest
    left join controls
        on
            latest.system = controls.system
            and latest.source_id = controls.source_id
            and latest.object = controls.object

)

select * from final
