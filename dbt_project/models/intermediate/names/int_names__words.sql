{{ config(tags=['before_scores', 'matched_alone']) }}

-- What each word tells: bits of rarity among all records, in hundredths, and its kind. Rarity goes
-- in steps of an eighth of a bit, so that one more record changes few weights.
with

-- The number of records in steps of two. Of a few records nobody knows which words are common:
-- they are weighed as if they were many.
sizes as (
    select greatest(cast(ceil(log2(greatest(count(*), 2))) as integer), 15) as size_bits
    from {{ ref('int_customers__numbered') }}
)

select
    counts.word,
    cast(round(100 * least(greatest(
        sizes.size_bits - round(8 * log2(counts.record_holders)) / 8, 0.01
    ), 15)) as integer) as bits,
    case
        when regexp_matches(counts.word, '\d') then 'number'
        when telling_words.kind is not null then telling_words.kind
        when counts.town_holders > 0 then 'town'
        else 'word'
    end as kind
from {{ ref('int_names__word_counts') }} as counts
cross join sizes
left join {{ ref('telling_words') }} as telling_words on counts.word = telling_words.word
where counts.record_holders > 0
