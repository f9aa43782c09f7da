{{ config(tags=['before_scores', 'matched_alone']) }}

-- Pairs worth comparing: for each record those that share the rarest keys with it.
select *
from {{ ref('int_customers__shared') }}
qualify
    has_external_id
    or rank() over (partition by account_no order by shared_bits desc)
    <= {{ var('block_best_of_each', 8) }}
    or rank() over (partition by customer_no order by shared_bits desc)
    <= {{ var('block_best_of_each', 8) }}
