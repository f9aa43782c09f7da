{{ config(tags=['closing']) }}

{%- set document_columns = {'company_id': 'varchar', 'id': 'varchar', 'payload': 'varchar'} %}
{%- set deletion_columns = {
    'company_id': 'varchar', 'entity': 'varchar', 'id': 'varchar', 'deleted_at': 'timestamptz'
} %}
{%- set deal_columns = {
    'org_id': 'varchar', 'id': 'varchar', 'name': 'varchar', 'close_date': 'date',
    'currency_iso_code': 'varchar', 'amount': 'decimal(18, 2)', 'is_won': 'boolean',
    'is_deleted': 'boolean'
} %}
{%- set line_columns = {
    'org_id': 'varchar', 'opportunity_id': 'varchar', 'id': 'varchar',
    'total_price': 'decimal(18, 2)', 'is_deleted': 'boolean'
} %}

-- What lies in a signed week and was known otherwise when it was signed: added, removed or
-- changed records, with the exact difference, in the earliest week that they are of.
with

signed_weeks as (

    select
        week,
        last_on,
        watched_since as known_at
    from {{ ref('int_weeks__signed') }}
    where watched_since is not null

),

invoice_versions as (

    select * from {{ versions_of('history_quickbooks', 'invoice', document_columns) }}

),

credit_memo_versions as (

    select * from {{ versions_of('history_quickbooks', 'credit_memo', document_columns) }}

),

refund_receipt_versions as (

    select * from {{ versions_of('history_quickbooks', 'refund_receipt', document_columns) }}

),

deletion_versions as (

    select * from {{ versions_of('history_quickbooks', 'deletion', deletion_columns) }}

),

all_documents as (

    select
        *,
        'invoice' as record_type,
        'Invoice' as entity,
        1 as sign
    from invoice_versions
    union all
    select
        *,
        'credit_memo' as record_type,
        'CreditMemo' as entity,
        -1 as sign
    from credit_memo_versions
    union all
    select
        *,
        'refund_receipt' as record_type,
        'RefundReceipt' as entity,
        -1 as sign
    from refund_receipt_versions

),

-- A deletion ends the version before it; a record that came back has a version after it.
deleted_versions as (

    select
        documents.record_type,
        documents.company_id,
        documents.id,
        documents.known_from,
        min(deletions.known_from) as deleted_at
    from all_documents as documents
    inner join deletion_versions as deletions
        on
            documents.company_id = deletions.company_id
            and documents.id = deletions.id
            and documents.entity = deletions.entity
            and documents.known_from < deletions.known_from
    group by all

),

document_versions as (

    select
        documents.record_type,
        documents.company_id as scope_id,
        documents.id as record_id,
        documents.payload ->> '$.DocNumber' as record_number,
        cast(documents.payload ->> '$.TxnDate' as date) as dated_on,
        documents.payload ->> '$.CurrencyRef.value' as currency_code,
        documents.sign * cast(documents.payload ->> '$.TotalAmt' as decimal(18, 2)) as amount,
        documents.known_from,
        least(documents.known_to, deleted_versions.deleted_at) as known_to
    from all_documents as documents
    left join deleted_versions
        on
            documents.record_type = deleted_versions.record_type
            and documents.company_id = deleted_versions.company_id
            and documents.id = deleted_versions.id
            and documents.known_from = deleted_versions.known_from

),

deal_versions as (

    select * from {{ versions_of('history_salesforce', 'opportunity', deal_columns) }}

),

line_versions as (

    select * from {{ versions_of('history_salesforce', 'opportunity_line_item', line_columns) }}

),

-- Only deals that something happened to after the signature are valued twice.
deals_touched as (

    select distinct
        signed_weeks.week,
        touched.org_id,
        touched.deal_id
    from signed_weeks
    inner join (
        select
            org_id,
            id as deal_id,
            known_from
        from deal_versions
        union all
        select
            org_id,
            opportunity_id as deal_id,
            known_from
        from line_versions
    ) as touched on signed_weeks.known_at < touched.known_from

),

{%- for side, moment in [('then', 'signed_weeks.known_at'), ('now', "timestamptz '9999-12-31'")] %}

lines_{{ side }} as (

    select
        touched.week,
        touched.org_id,
        touched.deal_id,
        sum(line_versions.total_price) as line_amount
    from deals_touched as touched
    inner join signed_weeks on touched.week = signed_weeks.week
    inner join line_versions
        on touched.org_id = line_versions.org_id and touched.deal_id = line_versions.opportunity_id
    where {{ known_at(moment) }} and not coalesce(line_versions.is_deleted, false)
    group by touched.week, touched.org_id, touched.deal_id

),

deals_{{ side }} as (

    select
        touched.week,
        touched.org_id as scope_id,
        touched.deal_id as record_id,
        deal_versions.name as record_number,
        deal_versions.close_date as dated_on,
        deal_versions.currency_iso_code as currency_code,
        coalesce(lines.line_amount, deal_versions.amount) as amount
    from deals_touched as touched
    inner join signed_weeks on touched.week = signed_weeks.week
    inner join deal_versions
        on touched.org_id = deal_versions.org_id and touched.deal_id = deal_versions.id
    left join lines_{{ side }} as lines
        on
            touched.week = lines.week
            and touched.org_id = lines.org_id
            and touched.deal_id = lines.deal_id
    where
        {{ known_at(moment) }}
        and deal_versions.is_won
        and not coalesce(deal_versions.is_deleted, false)
        and deal_versions.close_date <= signed_weeks.last_on

),

documents_{{ side }} as (

    select
        signed_weeks.week,
        document_versions.record_type,
        document_versions.scope_id,
        document_versions.record_id,
        document_versions.record_number,
        document_versions.dated_on,
        document_versions.currency_code,
        document_versions.amount
    from signed_weeks
    inner join document_versions on {{ known_at(moment) }}
    where document_versions.dated_on <= signed_weeks.last_on

),

records_{{ side }} as (

    select * from documents_{{ side }}
    union all by name
    select
        *,
        'deal' as record_type
    from deals_{{ side }}

),
{%- endfor %}

compared as (

    select
        coalesce(was.week, is_now.week) as week,
        coalesce(was.record_type, is_now.record_type) as record_type,
        coalesce(was.scope_id, is_now.scope_id) as scope_id,
        coalesce(was.record_id, is_now.record_id) as record_id,
        coalesce(is_now.record_number, was.record_number) as record_number,
        coalesce(was.currency_code, is_now.currency_code) as currency_code,
        was.dated_on as dated_then,
        is_now.dated_on as dated_now,
        coalesce(was.amount, 0) as amount_then,
        coalesce(is_now.amount, 0) as amount_now,
        case
            when was.record_id is null then 'added'
            when is_now.record_id is null then 'removed'
            else 'changed'
        end as change
    from records_then as was
    full outer join records_now as is_now
        on
            was.week = is_now.week
            and was.record_type = is_now.record_type
            and was.scope_id = is_now.scope_id
            and was.record_id = is_now.record_id
            -- Another currency is another amount: one goes, one comes.
            and was.currency_code is not distinct from is_now.currency_code

),

final as (

    select
        week,
        record_type,
        case when record_type = 'deal' then scope_id end as org_id,
        case when record_type != 'deal' then scope_id end as company_id,
        record_id,
        record_number,
        change,
        currency_code,
        dated_then,
        dated_now,
        cast(amount_then as decimal(18, 2)) as amount_then,
        cast(amount_now as decimal(18, 2)) as amount_now,
        cast(amount_now - amount_then as decimal(18, 2)) as difference
    from compared
    where amount_now != amount_then
    -- A change in week 40 is one in every week after it as well: it is told once.
    qualify
        row_number() over (
            partition by record_type, scope_id, record_id, currency_code order by week
        ) = 1

)

select * from final
