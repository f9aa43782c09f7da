{#-
    The raw records of one table with the version that is held: Salesforce's stamp of the last
    change, QuickBooks' SyncToken. Rows that were loaded before loads were stamped were read when
    their object was last read.
-#}
{% macro vendor_records_of(system, table, object) -%}
    {%- set relation = source('raw_' ~ system, table) -%}
    {%- set there = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if execute else [] -%}
    select
        '{{ system }}' as system,
        records.{{ 'org_id' if system == 'salesforce' else 'company_id' }} as source_id,
        '{{ object }}' as object,
        records.id as record_id,
        {% if system == 'salesforce' -%}
        strftime(records.system_modstamp, '%Y-%m-%dT%H:%M:%SZ') as version,
        records.system_modstamp as changed_at,
        {%- else -%}
        cast(records.sync_token as varchar) as version,
        records.last_updated_at as changed_at,
        {%- endif %}
        {% if 'loaded_at' in there -%}
        records.loaded_at as read_at
        {%- elif 'extracted_at' in there -%}
        records.extracted_at as read_at
        {%- else -%}
        cast(null as timestamptz) as read_at
        {%- endif %}
    from {{ relation }} as records
{%- endmacro %}

{#- When a deletion was loaded, where loads are stamped. -#}
{% macro deletion_read_at() -%}
    {%- set there = adapter.get_columns_in_relation(source('raw_quickbooks', 'deletion')) | map(attribute='name') | list if execute else [] -%}
    {%- if 'loaded_at' in there -%} max(deletions.loaded_at) {%- else -%} cast(null as timestamptz) {%- endif -%}
{%- endmacro %}

{#- An object's name as both the vendors' names and those of our tables read: `invoice`. -#}
{% macro object_key(object) -%}
    replace(lower({{ object }}), '_', '')
{%- endmacro %}

{#- A number as people write it: without trailing zeros. -#}
{% macro plain_number(number) -%}
    regexp_replace(cast({{ number }} as varchar), '\.?0+$', '')
{%- endmacro %}
