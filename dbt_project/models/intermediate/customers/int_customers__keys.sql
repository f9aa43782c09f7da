{{ config(tags=['before_scores', 'matched_alone']) }}

-- Every key by which an account or a customer may be found. A key is kept as a hash of its kind
-- and value: two values of one hash make a candidate too many, never a wrong link.
with

records as (
    select
        *,
        coalesce(postal_key || ' ' || house_number, '') as address_value,
        coalesce(
            house_number || ' ' || left(coalesce(street_key, ''), 5) || ' ' || city_key, ''
        ) as street_value
    from {{ ref('int_customers__records') }}
),

names as (
    select * from {{ ref('int_names__weighed') }}
),

names_of_record as (
    select
        record_no,
        list_distinct(list(token_key)) as name_values,
        list_distinct(list(joined_name) || flatten(list(
            case when len(tokens) >= 3 and not is_part then [initials] else [] end
        ))) as joined_values,
        list_distinct(flatten(list(tokens) filter (where not is_part))) as word_values,
        list_distinct(flatten(list(
            list_transform(
                range(1, len(tokens)),
                lambda place: tokens[place] || ' ' || tokens[place + 1]
            )
            || list_transform(
                range(1, len(tokens) - 1),
                lambda place: tokens[place] || ' ' || tokens[place + 2]
            )
        ) filter (where not is_part))) as words_values,
        list_distinct(list(
            array_to_string(list_transform(tokens[:3], lambda word: left(word, 3)), ' ')
        ) filter (where len(tokens) >= 2 and not is_part)) as prefix_values,
        list_distinct(list(left(joined_name, 8)) filter (where length(joined_name) >= 6))
            as start_values,
        list_distinct(list(right(joined_name, 8)) filter (where length(joined_name) >= 9))
            as end_values
    from names
    group by record_no
),

keys_of_record as (
    select
        records.record_no,
        records.side,
        records.scope_id,
        records.is_active,
        unnest([
            { 'kind': 'email', 'key_values': records.emails },
            { 'kind': 'domain', 'key_values': records.domains },
            { 'kind': 'phone', 'key_values': records.phones },
            { 'kind': 'address', 'key_values': [records.address_value] },
            { 'kind': 'street', 'key_values': [records.street_value] },
            { 'kind': 'person', 'key_values': records.people },
            {
                'kind': 'mailbox',
                'key_values': list_distinct(list_transform(
                    records.emails,
                    lambda address: coalesce({{ personal_mailbox('address') }}, '')
                ))
            },
            { 'kind': 'name', 'key_values': names_of_record.name_values },
            {
                'kind': 'name_postcode',
                'key_values': list_transform(
                    names_of_record.name_values,
                    lambda name: coalesce(name || '|' || records.postal_key, '')
                )
            },
            {
                'kind': 'name_phone',
                'key_values': flatten(list_transform(
                    names_of_record.name_values,
                    lambda name: list_transform(
                        records.phones, lambda number: name || '|' || number
                    )
                ))
            },
            {
                'kind': 'joined',
                'key_values': list_distinct(
                    coalesce(names_of_record.joined_values, [])
                    || list_transform(
                        records.domains,
                        lambda domain: coalesce({{ domain_stem('domain') }}, '')
                    )
                )
            },
            { 'kind': 'word', 'key_values': names_of_record.word_values },
            { 'kind': 'words', 'key_values': names_of_record.words_values },
            {
                'kind': 'word_city',
                'key_values': list_transform(
                    names_of_record.word_values,
                    lambda word: coalesce(word || '|' || records.city_key, '')
                )
            },
            { 'kind': 'prefixes', 'key_values': names_of_record.prefix_values },
            { 'kind': 'start', 'key_values': names_of_record.start_values },
            { 'kind': 'end', 'key_values': names_of_record.end_values }
        ]) as keys
    from records
    left join names_of_record on records.record_no = names_of_record.record_no
),

single_keys as (
    select
        record_no,
        side,
        scope_id,
        is_active,
        keys.kind as key_kind,
        unnest(keys.key_values) as key_value
    from keys_of_record
)

select
    record_no,
    side,
    scope_id,
    is_active,
    key_kind,
    hash(key_kind, key_value) as key_hash
from single_keys
where key_value != ''
