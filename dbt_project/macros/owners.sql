{#- One row with `writes_<field>` and `creates_<field>` for each field, as seeds/field_owners.csv
    says: may the flow change it, and may it give it to a record that it makes? -#}
{% macro field_rules(flow, fields) -%}
    select
        {%- for field in fields %}
        coalesce(bool_or(field = '{{ field }}' and written = 'always'), false)
            as writes_{{ field }},
        coalesce(bool_or(field = '{{ field }}' and written != 'never'), false)
            as creates_{{ field }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('field_owners') }}
    where flow = '{{ flow }}'
{%- endmacro %}

{#- What we wrote last to each record of a flow. `paths` maps a column to the member of the payload;
    `written_at` is by our own clock, `known_as_of` how recent the data were that it was made from. -#}
{% macro last_written(flow, paths) -%}
    select
        company_id,
        record_id,
        max(finished_at) as written_at,
        max(known_as_of) as known_as_of
        {%- for name, path in paths.items() %},
        arg_max(json_extract_string(payload, '{{ path }}'), generation)
            filter (where json_extract_string(payload, '{{ path }}') is not null) as {{ name }}
        {%- endfor %}
    from {{ source('raw_state', 'ledger') }}
    where flow = '{{ flow }}' and status = 'done'
    group by company_id, record_id
{%- endmacro %}

{#-
    Did a person change a field on the side that does not own it? So it is when its value is none
    that we wrote, none that the owner had since, and none that it had when it was first read.
    All are keys in which two ways of writing the same are one. `owner_values` is a list of
    {value, known_to}; `seen` is null where no version of the record was kept. Before a write is read
    back nothing can be said.
-#}
{% macro changed_by_hand(
    current, written, first, owner_values, written_at, is_read_back, seen=none
) -%}
    coalesce(
        case
            when {{ written }} is not null then
                {{ is_read_back }}
                and coalesce({{ current }}, '') != {{ written }}
                and not list_contains(
                    list_transform(
                        list_filter(
                            {{ owner_values }},
                            lambda one: one.known_to is null or one.known_to > {{ written_at }}
                        ),
                        lambda one: coalesce(one.value, '')
                    ),
                    coalesce({{ current }}, '')
                )
            when {{ seen or first }} is not null then
                coalesce({{ current }}, '') != {{ first }}
                and not list_contains(
                    list_transform({{ owner_values }}, lambda one: coalesce(one.value, '')),
                    coalesce({{ current }}, '')
                )
        end,
        false
    )
{%- endmacro %}

{#- A number as one key, whatever its zeros. -#}
{% macro number_key(number) -%}
    cast(cast({{ number }} as decimal(18, 7)) as varchar)
{%- endmacro %}

{#- Text as one key: capitals and blanks aside. -#}
{% macro text_key(value) -%}
    regexp_replace(lower(trim({{ value }})), '\s+', ' ', 'g')
{%- endmacro %}

{#- A price rounded half away from zero to a number of decimals, 0 to 6, that stands in
    a column. -#}
{% macro rounded_price(price, decimals) -%}
    case {{ decimals }}
        {% for places in range(6) -%}
            when {{ places }} then cast(round({{ price }}, {{ places }}) as decimal(18, 7))
        {% endfor -%}
        else cast(round({{ price }}, 6) as decimal(18, 7))
    end
{%- endmacro %}

{#- A telephone number as one key: its last nine digits. -#}
{% macro telephone_key(value) -%}
    right(regexp_replace({{ value }}, '[^0-9]', '', 'g'), 9)
{%- endmacro %}

{#- An address as one key; `prefix` is what its five columns begin with. -#}
{% macro address_key(prefix) -%}
    {{ text_key(
        "concat_ws('|', " ~ prefix ~ "_line1, " ~ prefix ~ "_city, " ~ prefix ~ "_state, "
        ~ prefix ~ "_postal_code, " ~ prefix ~ "_country)"
    ) }}
{%- endmacro %}

{#- Do two addresses differ in a part that Salesforce fills? -#}
{% macro address_differs(wanted, current) -%}
    (
        {%- for part in ['line1', 'city', 'state', 'postal_code', 'country'] %}
        {{ field_differs(wanted ~ '_' ~ part, current ~ '_' ~ part) }}
        {%- if not loop.last %} or {% endif %}
        {%- endfor %}
    )
{%- endmacro %}

{#- What we wrote last into each field of a record in Salesforce, by column; `fields` maps a column to
    its type and the name of the field. Null where the field was never written, a struct around null
    where it was emptied. What was taken back counts as never written. -#}
{% macro last_status(flow, fields) -%}
    select
        company_id as org_id,
        record_id,
        max(known_as_of) as known_as_of
        {%- for name, (type, target) in fields.items() %},
        arg_max(
            struct_pack(value := json_extract_string(payload, '$.{{ target }}')), generation
        ) filter (where json_exists(payload, '$.{{ target }}')) as {{ name }}
        {%- endfor %}
    from {{ source('raw_state', 'ledger') }}
    where
        flow = '{{ flow }}'
        and status = 'done'
        and change_key not in (
            select coalesce(json_extract_string(payload, '$.of'), '')
            from {{ source('raw_state', 'ledger') }}
            where flow = 'undo' and status = 'done'
        )
    group by company_id, record_id
{%- endmacro %}

{#- Of the fields of a status that differ, those that are left alone, by comma: `conflict_fields` are
    QuickBooks' own and a person has changed what we had written, `kept_fields` belong to Salesforce
    by seeds/field_owners.csv. Stands on the relations wanted, written, rules and clock. -#}
{% macro status_left_alone(fields) -%}
    nullif(concat_ws(
        ','
        {%- for name, (type, target) in fields.items() %},
        case
            when
                rules.writes_{{ name }}
                and wanted.{{ name }} is distinct from wanted.current_{{ name }}
                and written.{{ name }} is not null
                and written.known_as_of < clock.as_of_at
                and wanted.current_{{ name }}
                is distinct from try_cast(written.{{ name }}.value as {{ type }})
                then '{{ name }}'
        end
        {%- endfor %}
    ), '') as conflict_fields,
    nullif(concat_ws(
        ','
        {%- for name in fields %},
        case
            when
                not rules.writes_{{ name }}
                and wanted.{{ name }} is distinct from wanted.current_{{ name }}
                then '{{ name }}'
        end
        {%- endfor %}
    ), '') as kept_fields
{%- endmacro %}
