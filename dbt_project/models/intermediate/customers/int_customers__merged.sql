{{ config(tags=['before_scores']) }}

-- Customers that were merged away in QuickBooks, each with the customer that is left. The service
-- says of the loser only that it is gone; what tells a merge is that every document which named it
-- names one and the same other customer now.
-- depends_on: {{ ref('stg_quickbooks__customers') }}
{% if not has_history(source('history_quickbooks', 'invoice')) %}

select
    cast(null as varchar) as company_id,
    cast(null as varchar) as customer_id,
    cast(null as varchar) as survivor_id,
    cast(null as timestamptz) as merged_at,
    cast(null as bigint) as documents
where false

{% else %}

with

customers as (
    select
        company_id,
        customer_id,
        is_deleted or not is_active as is_gone
    from {{ ref('stg_quickbooks__customers') }}
),

current_documents as (
    select
        company_id,
        id as invoice_id,
        json_extract_string(payload, '$.CustomerRef.value') as customer_id
    from {{ source('raw_quickbooks', 'invoice') }}
),

-- Versions that are no longer the newest, of the customers that are gone.
past_documents as (
    select
        past.company_id,
        past.id as invoice_id,
        json_extract_string(past.payload, '$.CustomerRef.value') as customer_id,
        past.known_to
    from (
        {{ history_of(source('history_quickbooks', 'invoice'), {
            'company_id': 'varchar', 'id': 'varchar', 'payload': 'varchar'
        }) }}
    ) as past
    where past.known_to is not null
),

moved as (
    select
        past_documents.company_id,
        past_documents.customer_id,
        current_documents.customer_id as survivor_id,
        min(past_documents.known_to) as merged_at,
        count(distinct past_documents.invoice_id) as documents
    from past_documents
    inner join customers
        on
            past_documents.company_id = customers.company_id
            and past_documents.customer_id = customers.customer_id
            and customers.is_gone
    inner join current_documents
        on
            past_documents.company_id = current_documents.company_id
            and past_documents.invoice_id = current_documents.invoice_id
            and past_documents.customer_id != current_documents.customer_id
    group by all
),

-- A document that still names the loser says that the others were moved by hand.
kept_behind as (
    select distinct
        company_id,
        customer_id
    from current_documents
)

select
    moved.company_id,
    moved.customer_id,
    moved.survivor_id,
    moved.merged_at,
    moved.documents
from moved
left join kept_behind
    on moved.company_id = kept_behind.company_id and moved.customer_id = kept_behind.customer_id
where kept_behind.customer_id is null
qualify count(*) over (partition by moved.company_id, moved.customer_id) = 1

{% endif %}
