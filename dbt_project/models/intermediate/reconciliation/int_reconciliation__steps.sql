-- Every plan step of a billable deal with its outcome, and with what is told of it: the step's own
-- columns and the document that bills it, of several the largest.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}
    where is_billable

),

outcomes as (

    select * from {{ ref('int_reconciliation__outcomes') }}

),

documents as not materialized (

    select
        *,
        {{ document_told() }} as told
    from {{ ref('int_reconciliation__documents') }}
    where deal_id is not null and {{ is_billing() }}

),

main_documents as (

    select
        org_id,
        deal_id,
        plan_step,
        told as main_document
    from documents
    where is_alone
    union all
    select
        org_id,
        deal_id,
        plan_step,
        {{ main_document('told') }} as main_document
    from documents
    where not is_alone
    group by org_id, deal_id, plan_step

),

predecessors as (

    select * from {{ ref('int_reconciliation__predecessors') }}

),

final as (

    select
        steps.*,
        clock.as_of_on,
        steps.due_on <= clock.as_of_on as is_due,
        steps.past_grace_on < clock.as_of_on as is_past_grace,
        outcomes.* exclude (org_id, deal_id, plan_step, amount),
        main_documents.main_document,
        predecessors.predecessor
    from steps
    cross join clock
    inner join outcomes
        on
            steps.org_id = outcomes.org_id
            and steps.deal_id = outcomes.deal_id
            and steps.plan_step = outcomes.plan_step
    left join main_documents
        on
            steps.org_id = main_documents.org_id
            and steps.deal_id = main_documents.deal_id
            and steps.plan_step = main_documents.plan_step
    left join predecessors
        on
            steps.org_id = predecessors.org_id
            and steps.deal_id = predecessors.deal_id
            and steps.plan_step = predecessors.plan_step

)

select * from final
