-- What people have decided about invoices and deals: the latest word on each pair.
-- The deal may be named with its plan step, "<deal>/<step>".
with

decisions as (

    select * from {{ source('raw_state', 'match_decision') }}
    where subject = 'invoice'

),

latest as (

    select * from decisions
    qualify row_number() over (
        partition by org_id, left_id, company_id, right_id
        order by decided_at desc
    ) = 1

),

final as (

    select
        company_id,
        right_id as invoice_id,
        org_id,
        split_part(left_id, '/', 1) as deal_id,
        try_cast(split_part(left_id, '/', 2) as integer) as plan_step,
        decision,
        decided_by,
        decided_at,
        reason
    from latest

)

select * from final
