{{ config(tags=['before_scores', 'matched_alone']) }}

-- How many records of its side share the domain or the telephone that most of them share: the
-- size of the group that a record belongs to. Beyond fifty a group is large, whatever its size.
with

counted_keys as (
    select
        record_no,
        key_kind,
        least(count(*) over (partition by side, scope_id, key_hash), 50) as holders
    from {{ ref('int_customers__keys') }}
    where key_kind in ('domain', 'phone')
)

select
    record_no,
    cast(coalesce(max(holders) filter (where key_kind = 'domain'), 0) as integer)
        as own_domain_holders,
    cast(coalesce(max(holders) filter (where key_kind = 'phone'), 0) as integer)
        as own_phone_holders
from counted_keys
group by record_no
