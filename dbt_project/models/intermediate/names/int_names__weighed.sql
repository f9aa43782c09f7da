{{ config(tags=['before_scores', 'matched_alone']) }}

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
        -- Beyond fifty a name is common, whatever its number.
        least(same_names.holders, 50) as name_holders,
        least(same_starts.holders, 50) as start_holders
    from {{ ref('int_names__normalised') }} as names
    inner join {{ ref('int_customers__numbered') }} as records
        on
            names.side = records.side
            and names.scope_id = records.scope_id
            and names.record_id = records.record_id
    inner join {{ ref('int_names__holders') }} as same_names
        on
            same_names.held_kind = 'name'
            and names.side = same_names.side
            and names.scope_id = same_names.scope_id
            and names.token_key = same_names.held_part
    inner join {{ ref('int_names__holders') }} as same_starts
        on
            same_starts.held_kind = 'start'
            and names.side = same_starts.side
            and names.scope_id = same_starts.scope_id
            and left(replace(names.name_key, ' ', ''), 8) = same_starts.held_part
),

name_words as (
    select
        record_no,
        name_rank,
        unnest(tokens) as word,
        generate_subscripts(tokens, 1) as word_position
    from names
),

words as (
    select * from {{ ref('int_names__words') }}
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
        lambda word: left(word, 1)
    ), '') as initials
from names
inner join weighed
    on names.record_no = weighed.record_no and names.name_rank = weighed.name_rank
