-- May the figures be read? One row per source: the Salesforce org and every QuickBooks company
-- that the routing rule or an extraction names. A source that nobody read is not concluded.
with

clock as (

    select * from {{ ref('int_clock') }}

),

runs as (

    select
        'salesforce' as system,
        source_id,
        object,
        mode,
        rows_read,
        rows_vendor,
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
        server_time,
        finished_at
    from {{ source('raw_quickbooks', 'extract_run') }}

),

-- The vendors' own figures of what they hold: counts and sums of records that are all read.
controls as (

    select * from {{ ref('extract_control_totals') }}
    where agrees is false and is_barring

),

controls_differing as (

    select
        system,
        source_id,
        string_agg(sentence, '; ' order by object, measure, currency) as differences
    from controls
    group by system, source_id

),

-- The report of receivables holds documents that are not read as well (journal entries on the
-- account), so a difference is told and does not bar.
receivables_differing as (

    select
        'quickbooks' as system,
        company_id as source_id,
        string_agg(distinct sentence, '; ' order by sentence) as differences
    from {{ ref('ar_reconciliation') }}
    where not is_reconciled
    group by company_id

),

-- Every invoice is read, so a difference from the vendor's list is told until the next list; a
-- count that differs has barred already.
invoices_differing as (

    select
        'quickbooks' as system,
        company_id as source_id,
        string_agg(distinct sentence, '; ' order by sentence) as differences
    from {{ ref('invoiced_reconciliation') }}
    where not is_reconciled
    group by company_id

),

routed_companies as (

    select distinct
        'quickbooks' as system,
        company_id as source_id
    from {{ ref('company_routing') }}

),

sources as (

    select
        system,
        source_id
    from runs
    union distinct
    select
        system,
        source_id
    from routed_companies

),

latest as (

    select * from runs
    qualify row_number() over (
        partition by system, source_id, object
        order by finished_at desc nulls last
    ) = 1

),

sources_counted as (

    select
        system,
        source_id,
        count(*) as objects,
        count(rows_vendor) as objects_counted,
        min(server_time) as oldest_read_at,
        sum(rows_read) as rows_read,
        sum(rows_vendor) as rows_vendor,
        string_agg(
            object || ': ' || rows_read || ' of ' || rows_vendor, '; '
            order by object
        ) filter (where rows_vendor is not null and rows_read != rows_vendor)
            as incomplete_objects,
        -- Never read to its end, or too long ago for its changes to be brought: no figure may rest
        -- on the rows that have come.
        string_agg(
            object || ': ' || rows_read || ' rows so far', '; '
            order by object
        ) filter (where mode = 'unfinished')
            as unfinished_objects
    from latest
    group by system, source_id

),

judged as (

    select
        sources.system,
        sources.source_id,
        coalesce(sources_counted.objects, 0) as objects,
        sources_counted.objects_counted,
        sources_counted.oldest_read_at,
        sources_counted.rows_read,
        sources_counted.rows_vendor,
        clock.as_of_at,
        coalesce(
            sources_counted.oldest_read_at
            >= clock.as_of_at - to_hours({{ var('freshness_hours', 26) }}),
            false
        ) as is_fresh,
        sources_counted.objects is not null
        and sources_counted.incomplete_objects is null
        and sources_counted.unfinished_objects is null
        and controls_differing.differences is null as is_complete,
        sources_counted.incomplete_objects,
        sources_counted.unfinished_objects,
        controls_differing.differences,
        receivables_differing.differences as receivables,
        invoices_differing.differences as invoices
    from sources
    cross join clock
    left join sources_counted
        on
            sources.system = sources_counted.system
            and sources.source_id = sources_counted.source_id
    left join controls_differing
        on
            sources.system = controls_differing.system
            and sources.source_id = controls_differing.source_id
    left join receivables_differing
        on
            sources.system = receivables_differing.system
            and sources.source_id = receivables_differing.source_id
    left join invoices_differing
        on
            sources.system = invoices_differing.system
            and sources.source_id = invoices_differing.source_id

),

final as (

    select
        system,
        source_id,
        is_fresh,
        is_complete,
        case
            when not is_fresh or not is_complete then 'not_concluded'
            when receivables is not null or invoices is not null then 'differs'
            else 'concluded'
        end as verdict,
        case
            when objects = 0 then 'Nothing has been read from this source'
            when unfinished_objects is not null
                then
                    'Not read to the end yet: ' || unfinished_objects
                    || '. Go on with it: crossfoot extract, or the job backfill'
            when differences is not null
                then differences || '. Read everything again: crossfoot extract --full'
            when not is_complete
                then
                    'Rows read differ from the vendor''s count: '
                    || incomplete_objects
            when not is_fresh
                then
                    'Last read completely at '
                    || strftime(timezone('UTC', oldest_read_at), '%Y-%m-%d %H:%M') || ' UTC'
            when invoices is not null or receivables is not null
                then
                    concat_ws(
                        '; ',
                        invoices || '. See reconciliation.invoiced_reconciliation',
                        receivables || '. See reconciliation.ar_reconciliation; journal entries on '
                        || 'the account are not read, and explain it where there are any'
                    )
            else
                objects || ' objects read; the vendor''s own count of '
                || objects_counted || ' of them agrees'
        end as reason,
        cast(objects as integer) as objects,
        cast(rows_read as bigint) as rows_read,
        cast(rows_vendor as bigint) as rows_vendor,
        oldest_read_at,
        as_of_at
    from judged

)

select * from final
