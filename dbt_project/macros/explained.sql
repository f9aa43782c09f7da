{# Every key of a side's records that tells who a record is, in the words people use for it. #}
{% macro explained_keys(records, side, scope_id, record_id) -%}
    select distinct
        {{ scope_id }} as scope_id,
        {{ record_id }} as record_id,
        held.kind as key_kind,
        held.value as key_value
    from (
        select
            {{ scope_id }},
            {{ record_id }},
            unnest(
                list_transform(emails, lambda one: {'kind': 'e-mail', 'value': one})
                || list_transform(domains, lambda one: {'kind': 'domain', 'value': one})
                || list_transform(phones, lambda one: {'kind': 'telephone', 'value': one})
                || [{'kind': 'address', 'value': postal_key || ' ' || house_number}]
            ) as held
        from {{ records }}

        union all

        select
            scope_id as {{ scope_id }},
            record_id as {{ record_id }},
            {'kind': 'name', 'value': token_key} as held
        from {{ ref('int_names__normalised') }}
        where side = '{{ side }}'
    ) as listed
    where held.value is not null
{%- endmacro %}

{# What a side says in the matter that a comparison, by its name, is about. #}
{% macro explained_value(records, name_column) -%}
    case
        when regexp_matches(weighed.name, 'mail|domain')
            then nullif(array_to_string({{ records }}.emails || {{ records }}.domains, ', '), '')
        when regexp_matches(weighed.name, 'phone')
            then nullif(array_to_string({{ records }}.phones, ', '), '')
        when regexp_matches(weighed.name, 'address|street|house|post|city|place')
            then
                nullif(concat_ws(
                    ', ',
                    {{ records }}.house_number,
                    {{ records }}.postal_key,
                    {{ records }}.city_key
                ), '')
        when regexp_matches(weighed.name, 'currency') then {{ records }}.currency_code
        when regexp_matches(weighed.name, 'name|word') then {{ records }}.{{ name_column }}
    end
{%- endmacro %}
