-- What people have decided about invoices and deals: the latest word on each pair. The deal may be
-- named with its plan step, "<deal>/<step>". A rejection whose evidence has changed is `returned`.
with

decisions as (

    select * from {{ source('raw_state', 'match_decision') }}
    where subject = 'invoice'

),

latest as (

    select
        *,
        right_id as invoice_id,
        split_part(left_id, '/', 1) as deal_id,
        try_cast(split_part(left_id, '/', 2) as integer) as plan_step
    from decisions
    qualify row_number() over (
        partition by org_id, left_id, company_id, right_id
        order by decided_at desc, number desc nulls last
    ) = 1

),

evidence_now as (

    {{ invoice_evidence('latest') }}

),

compared as (

    select
        latest.*,
        case
            when latest.decision = 'rejected'
                then {{ evidence_changes(
                    "nullif(latest.evidence, '')", 'evidence_now.evidence', invoice_evidence_keys()
                ) }}
        end as changes
    from latest
    left join evidence_now
        on
            latest.org_id = evidence_now.org_id
            and latest.deal_id = evidence_now.deal_id
            and coalesce(latest.plan_step, 1) = evidence_now.plan_step
            and latest.company_id = evidence_now.company_id
            and latest.invoice_id = evidence_now.invoice_id

),

final as (

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        plan_step,
        case when changes is not null then 'returned' else decision end as decision,
        decided_by,
        decided_at,
        reason,
        case
            when changes is not null
                then
                    'Rejected by ' || decided_by || ' on ' || strftime(decided_at, '%Y-%m-%d')
                    || '; since then ' || changes
        end as returned_because
    from compared

)

select * from final
