{{ config(tags=['before_scores']) }}

-- The words of each name with how much they tell: bits of rarity among all records, in hundredths,
-- and their kind. What everybody is called tells nobody apart.
with

names as (
    select
        names.*,
        records.record_no,
        cast(row_number() over (
            partition by records.record_no order by names.is_part, names.name_key
        ) as integer) as name_rank,
        count(*) over (partition by names.side, names.scope_id, names.token_key) as name_holders,
        count(*) over (
            partition by names.side, names.scope_id, left(replace(names.name_key, ' ', ''), 8)
        ) as start_holders
    from {{ ref('int_names__normalised') }} as names
    inner join {{ ref('int_customers__records') }} as records
        on
            names.side = records.side
            and names.scope_id = records.scope_id
            and names.record_id = records.record_id
),

name_words as (
    select
        record_no,
        name_rank,
        unnest(tokens) as word,
        generate_subscripts(tokens, 1) as word_position
    from names
),

-- The number of records in steps of two, so that one more record changes no weight. Of a few
-- records nobody knows which words are common: they are weighed as if they were many.
sizes as (
    select greatest(cast(ceil(log2(greatest(count(*), 2))) as integer), 15) as size_bits
    from {{ ref('int_customers__records') }}
),

town_words as (
    select distinct unnest(string_split(city_key, ' ')) as word
    from {{ ref('int_customers__records') }}
    where city_key is not null
),

words as (
    select
        name_words.word,
        cast(round(100 * least(greatest(
            any_value(sizes.size_bits) - log2(count(distinct name_words.record_no)), 0.01
        ), 15)) as integer) as bits,
        case
            when regexp_matches(name_words.word, '\d') then 'number'
            when any_value(telling_words.kind) is not null then any_value(telling_words.kind)
            when any_value(town_words.word) is not null then 'town'
            else 'word'
        end as kind
    from name_words
    cross join sizes
    left join {{ ref('telling_words') }} as telling_words on name_words.word = telling_words.word
    left join town_words on name_words.word = town_words.word
    group by name_words.word
),

weighed as (
    select
        name_words.record_no,
        name_words.name_rank,
        list(
            { 'word': name_words.word, 'bits': words.bits, 'kind': words.kind }
            order by name_words.word_position
        ) as words,
        cast(sum(words.bits) filter (where words.kind != 'number') as integer) as total_bits
    from name_words
    inner join words on name_words.word = words.word
    group by name_words.record_no, name_words.name_rank
)

select
    names.record_no,
    names.name_rank,
    names.name_holders,
    names.start_holders,
    names.side,
    names.name_key,
    names.token_key,
    names.tokens,
    names.legal_families,
    names.legal_form,
    names.name_number,
    names.is_part,
    replace(names.name_key, ' ', '') as joined_name,
    weighed.words,
    coalesce(weighed.total_bits, 0) as total_bits,
    -- First letters of the words that count.
    array_to_string(list_transform(
        list_filter(
            string_split(names.name_key, ' '),
            lambda word: not list_contains({{ joining_words() }}, word)
        ),
        lambda word: word[1]
    ), '') as initials
from names
inner join weighed
    on names.record_no = weighed.record_no and names.name_rank = weighed.name_rank
