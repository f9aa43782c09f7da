{{ config(materialized='view') }}

-- Every vendor record that a figure can stand on, with the version that is held and when it was
-- read. The record itself is the row with this id in the raw table of its object; its earlier
-- versions are in the history.
{%- set objects = [
    ('salesforce', 'opportunity', 'Opportunity'),
    ('salesforce', 'opportunity_line_item', 'OpportunityLineItem'),
    ('salesforce', 'account', 'Account'),
    ('quickbooks', 'customer', 'Customer'),
    ('quickbooks', 'invoice', 'Invoice'),
    ('quickbooks', 'credit_memo', 'CreditMemo'),
    ('quickbooks', 'refund_receipt', 'RefundReceipt'),
    ('quickbooks', 'payment', 'Payment'),
    ('quickbooks', 'estimate', 'Estimate'),
] %}
with

records as (
    {% for system, table, object in objects %}
    {{ vendor_records_of(system, table, object) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- Of a document that was deleted before it was ever read only its deletion is known.
deleted_unread as (

    select
        'quickbooks' as system,
        deletions.company_id as source_id,
        deletions.entity as object,
        deletions.id as record_id,
        'deleted' as version,
        max(deletions.deleted_at) as changed_at,
        {{ deletion_read_at() }} as read_at
    from {{ source('raw_quickbooks', 'deletion') }} as deletions
    left join records
        on
            records.system = 'quickbooks'
            and deletions.company_id = records.source_id
            and deletions.entity = records.object
            and deletions.id = records.record_id
    where records.record_id is null
    group by deletions.company_id, deletions.entity, deletions.id

),

known as (

    select * from records
    union all
    select * from deleted_unread

),

-- When each object was last read, for rows that carry no stamp of their own.
readings as (

    select
        'salesforce' as system,
        source_id,
        {{ object_key('object') }} as object_key,
        max(server_time) as read_at
    from {{ source('raw_salesforce', 'extract_run') }}
    group by all
    union all
    select
        'quickbooks' as system,
        source_id,
        {{ object_key('object') }} as object_key,
        max(server_time) as read_at
    from {{ source('raw_quickbooks', 'extract_run') }}
    group by all

),

final as (

    select
        known.system,
        known.source_id,
        known.object,
        known.record_id,
        known.version,
        known.changed_at,
        coalesce(known.read_at, readings.read_at) as read_at
    from known
    left join readings
        on
            known.system = readings.system
            and known.source_id = readings.source_id
            and {{ object_key('known.object') }} = readings.object_key

)

select * from final
