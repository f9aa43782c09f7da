-- Every plan step of a billable deal with what has been invoiced and credited against it, and
-- its outcome: exactly one per step.
with

clock as (

    select * from {{ ref('int_clock') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}
    where is_billable

),

documents as not materialized (

    select * from {{ ref('int_reconciliation__documents') }}

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}

),

credits as (

    select * from {{ ref('int_credits__allocated') }}

),

-- Nearly every step has one document, which needs no summing: only the others pay for it. What is
-- read twice is not materialized, because only a few of its columns are wanted each time.
steps_repeated as (

    select
        org_id,
        deal_id,
        plan_step
    from documents
    where deal_id is not null
    group by org_id, deal_id, plan_step
    having count(*) > 1

),

documents_told as not materialized (

    select
        documents.*,
        documents.placement in ('billed', 'early') as is_billed,
        struct_pack(
            company_id := documents.company_id,
            invoice_id := documents.invoice_id,
            document_number := documents.document_number,
            customer_id := documents.customer_id,
            customer_name := documents.customer_name,
            is_wrong_customer := documents.is_wrong_customer
        ) as told,
        steps_repeated.deal_id is not null as is_repeated
    from documents
    left join steps_repeated
        on
            documents.org_id = steps_repeated.org_id
            and documents.deal_id = steps_repeated.deal_id
            and documents.plan_step = steps_repeated.plan_step
    where documents.deal_id is not null

),

documents_summed as (

    select
        org_id,
        deal_id,
        plan_step,
        1 as documents,
        case when is_billed then 1 else 0 end as documents_billed,
        case when is_billed then amount end as invoiced_amount,
        case when is_billed then line_count end as lines_billed,
        case when placement = 'duplicate' then amount end as duplicate_amount,
        case when is_billed then invoice_on end as first_invoice_on,
        case when is_billed then told end as main_document
    from documents_told
    where not is_repeated
    union all
    select
        org_id,
        deal_id,
        plan_step,
        count(*) as documents,
        count(*) filter (where is_billed) as documents_billed,
        sum(amount) filter (where is_billed) as invoiced_amount,
        sum(line_count) filter (where is_billed) as lines_billed,
        sum(amount) filter (where placement = 'duplicate') as duplicate_amount,
        min(invoice_on) filter (where is_billed) as first_invoice_on,
        arg_max(told, (is_wrong_customer, amount, invoice_on, invoice_id)) filter (
            where is_billed
        ) as main_document
    from documents_told
    where is_repeated
    group by org_id, deal_id, plan_step

),

credits_summed as (

    select
        org_id,
        deal_id,
        plan_step,
        sum(credited_amount) as credited_amount
    from credits
    group by org_id, deal_id, plan_step

),

invoices as (

    select
        company_id,
        invoice_id,
        cast(timezone('UTC', coalesce(deleted_at, modified_at)) as date) as gone_on
    from {{ ref('stg_quickbooks__invoices') }}
    where is_deleted or is_voided

),

-- The latest invoice of the step that is no longer there. Of a void the service keeps no moment but
-- that of the document's last change.
predecessors as (

    select
        links.org_id,
        links.deal_id,
        links.plan_step,
        arg_max(
            struct_pack(
                company_id := links.company_id,
                invoice_id := links.invoice_id,
                document_number := links.document_number,
                customer_id := links.customer_id,
                customer_name := links.customer_name,
                is_deleted := links.is_deleted,
                invoice_on := links.invoice_on,
                gone_on := invoices.gone_on
            ),
            (coalesce(links.invoice_on, date '1900-01-01'), links.invoice_id)
        ) as predecessor
    from links
    left join invoices
        on links.company_id = invoices.company_id and links.invoice_id = invoices.invoice_id
    where links.is_usable and not links.is_live
    group by links.org_id, links.deal_id, links.plan_step

),

candidates as (

    select
        org_id,
        deal_id,
        plan_step,
        count(distinct company_id || ':' || invoice_id) as candidates
    from links
    where match_state = 'ambiguous' and is_live
    group by org_id, deal_id, plan_step

),

steps_joined as (

    select
        steps.*,
        clock.as_of_on,
        steps.due_on <= clock.as_of_on as is_due,
        steps.past_grace_on < clock.as_of_on as is_past_grace,
        coalesce(documents_summed.documents, 0) as documents,
        coalesce(documents_summed.documents_billed, 0) as documents_billed,
        cast(coalesce(documents_summed.invoiced_amount, 0) as decimal(18, 2)) as invoiced_amount,
        cast(coalesce(documents_summed.duplicate_amount, 0) as decimal(18, 2)) as duplicate_amount,
        cast(coalesce(credits_summed.credited_amount, 0) as decimal(18, 2)) as credited_amount,
        cast(coalesce(documents_summed.lines_billed, 0) as integer) as lines_billed,
        documents_summed.first_invoice_on,
        documents_summed.main_document,
        predecessors.predecessor,
        coalesce(candidates.candidates, 0) as candidates
    from steps
    cross join clock
    left join documents_summed
        on
            steps.org_id = documents_summed.org_id
            and steps.deal_id = documents_summed.deal_id
            and steps.plan_step = documents_summed.plan_step
    left join credits_summed
        on
            steps.org_id = credits_summed.org_id
            and steps.deal_id = credits_summed.deal_id
            and steps.plan_step = credits_summed.plan_step
    left join predecessors
        on
            steps.org_id = predecessors.org_id
            and steps.deal_id = predecessors.deal_id
            and steps.plan_step = predecessors.plan_step
    left join candidates
        on
            steps.org_id = candidates.org_id
            and steps.deal_id = candidates.deal_id
            and steps.plan_step = candidates.plan_step

),

steps_judged as (

    select
        *,
        {{ no_difference('amount', 'lines_billed') }} as tolerance,
        case
            when documents_billed > 0 then 'invoiced'
            when documents > 0 then 'misplaced'
            when candidates > 0 then 'undecided'
            when not is_due then 'not_due'
            when predecessor.gone_on > as_of_on - {{ var('replacement_days', 5) }}
                then 'being_replaced'
            when predecessor is not null then 'voided'
            when amount <= 0 then 'to_be_credited'
            when is_past_grace then 'unbilled'
            else 'in_grace'
        end as outcome,
        -- A credit that takes back a duplicate settles it.
        duplicate_amount > 0
        and invoiced_amount + duplicate_amount - credited_amount <= amount + tolerance
            as is_duplicate_settled
    from steps_joined

),

final as (

    select
        *,
        cast((
            invoiced_amount
            + case when is_duplicate_settled then duplicate_amount else 0 end
            - credited_amount
        ) as decimal(18, 2)) as net_invoiced_amount
    from steps_judged

)

select * from final
