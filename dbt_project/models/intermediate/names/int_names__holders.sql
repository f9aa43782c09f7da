{{ config(tags=['before_scores', 'matched_alone']) }}

-- How many names of one side are the same, and how many begin alike.
with

names as (
    select
        side,
        scope_id,
        unnest([
            { 'kind': 'name', 'part': token_key },
            { 'kind': 'start', 'part': left(replace(name_key, ' ', ''), 8) }
        ]) as held
    from {{ ref('int_names__normalised') }}
)

select
    side,
    scope_id,
    held.kind as held_kind,
    held.part as held_part,
    cast(count(*) as integer) as holders
from names
group by all
