{{ config(tags=['before_scores', 'matched_alone']) }}

-- How many records have each word in a name, and in how many towns' names it stands.
with

words_of_record as (
    select
        side,
        scope_id,
        record_id,
        unnest(list_distinct(flatten(list(tokens)))) as word
    from {{ ref('int_names__normalised') }}
    group by side, scope_id, record_id
),

town_words as (
    select unnest(list_distinct(string_split(city_key, ' '))) as word
    from {{ ref('int_customers__records') }}
    where city_key is not null
),

counted as (
    select
        word,
        1 as named,
        0 as placed
    from words_of_record
    union all
    select
        word,
        0 as named,
        1 as placed
    from town_words
)

select
    word,
    cast(sum(named) as integer) as record_holders,
    cast(sum(placed) as integer) as town_holders
from counted
where word != ''
group by word
