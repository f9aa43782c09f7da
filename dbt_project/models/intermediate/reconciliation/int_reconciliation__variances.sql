-- What parts net billed from what was expected, piece by piece: each due step that is not billed to
-- the cent, each invoice that no due step expects, each credit; signed, net of tax. `record_key` is
-- the record that answers for it: a class of mismatch when one was found about that record, else
-- the `reason` given here. The pieces add up to the variance by construction, because every step,
-- invoice and credit stands in them once.
with

steps as (

    select
        * replace (coalesce(company_id, 'not routed') as company_id),
        outcome = 'invoiced'
        and credited_amount > 0
        and net_invoiced_amount < amount - tolerance as is_credited_beyond
    from {{ ref('int_reconciliation__steps') }}

),

documents as (

    select * from {{ ref('int_reconciliation__documents') }}

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}

),

credits as (

    select * from {{ ref('int_credits__net') }}
    where is_live

),

allocations as (

    select * from {{ ref('int_credits__allocated') }}

),

-- The credit that answers for a step of which too much was credited.
steps_credited as (

    select
        org_id,
        deal_id,
        plan_step,
        arg_max(
            document_type || '|' || company_id || '|' || document_id,
            (credited_amount, document_id)
        ) as record_key
    from allocations
    group by org_id, deal_id, plan_step

),

-- The invoice that answers for a step which is billed in another place, or perhaps billed.
steps_misplaced as (

    select
        org_id,
        deal_id,
        plan_step,
        arg_max('invoice|' || company_id || '|' || invoice_id, (amount, invoice_id)) as record_key
    from documents
    where placement in ('wrong_entity', 'wrong_currency')
    group by org_id, deal_id, plan_step

),

steps_undecided as (

    select
        org_id,
        deal_id,
        plan_step,
        min('invoice|' || company_id || '|' || invoice_id) as record_key
    from links
    where match_state = 'ambiguous' and is_live
    group by org_id, deal_id, plan_step

),

steps_answered as (

    select
        steps.*,
        case
            when steps.is_credited_beyond then steps_credited.record_key
            when steps.outcome = 'invoiced'
                then
                    'invoice|' || steps.main_document.company_id || '|'
                    || steps.main_document.invoice_id
            when steps.outcome = 'misplaced' then steps_misplaced.record_key
            when steps.outcome = 'undecided' then steps_undecided.record_key
            else 'step|' || steps.org_id || '|' || steps.deal_id || '|' || steps.plan_step
        end as answering_key
    from steps
    left join steps_credited
        on
            steps.org_id = steps_credited.org_id
            and steps.deal_id = steps_credited.deal_id
            and steps.plan_step = steps_credited.plan_step
    left join steps_misplaced
        on
            steps.org_id = steps_misplaced.org_id
            and steps.deal_id = steps_misplaced.deal_id
            and steps.plan_step = steps_misplaced.plan_step
    left join steps_undecided
        on
            steps.org_id = steps_undecided.org_id
            and steps.deal_id = steps_undecided.deal_id
            and steps.plan_step = steps_undecided.plan_step

),

of_steps as (

    select
        company_id,
        currency_code,
        case
            when outcome = 'invoiced' and invoiced_amount < amount
                then
                    'invoice|' || main_document.company_id || '|' || main_document.invoice_id
            else answering_key
        end as record_key,
        case when outcome = 'invoiced' then invoiced_amount - amount else -amount end as amount,
        case
            when outcome in ('in_grace', 'being_replaced', 'to_be_credited') then outcome
            else 'settled'
        end as reason
    from steps_answered
    where is_due and (outcome != 'invoiced' or invoiced_amount != amount)

),

-- A duplicate that was credited is settled together with its step.
of_documents as (

    select
        documents.company_id,
        documents.currency_code,
        case
            when documents.placement = 'duplicate' and steps_answered.is_duplicate_settled
                then steps_answered.answering_key
            else 'invoice|' || documents.company_id || '|' || documents.invoice_id
        end as record_key,
        documents.amount,
        case documents.placement when 'early' then 'billed_early' else 'settled' end as reason
    from documents
    left join steps_answered
        on
            documents.org_id = steps_answered.org_id
            and documents.deal_id = steps_answered.deal_id
            and documents.plan_step = steps_answered.plan_step
    where documents.placement != 'billed'

),

invoices_not_won as (

    select
        org_id,
        deal_id,
        plan_step,
        'invoice|' || company_id || '|' || invoice_id as record_key,
        amount,
        sum(amount) over (
            partition by org_id, deal_id, plan_step order by invoice_on, company_id, invoice_id
        ) as amount_so_far
    from documents
    where placement = 'not_won'

),

-- What was credited on a deal that is not won any more takes back one invoice after the other; the
-- credits of a step follow one another likewise.
allocations_in_order as (

    select
        *,
        sum(credited_amount) over (
            partition by org_id, deal_id, plan_step
            order by credited_on, document_type, document_id
        ) as credited_so_far
    from allocations

),

allocations_not_won as (

    select
        allocations_in_order.company_id,
        allocations_in_order.document_type,
        allocations_in_order.document_id,
        allocations_in_order.currency_code,
        invoices_not_won.record_key,
        greatest(
            least(invoices_not_won.amount_so_far, allocations_in_order.credited_so_far)
            - greatest(
                invoices_not_won.amount_so_far - invoices_not_won.amount,
                allocations_in_order.credited_so_far - allocations_in_order.credited_amount
            ),
            0
        ) as amount
    from allocations_in_order
    inner join invoices_not_won
        on
            allocations_in_order.org_id = invoices_not_won.org_id
            and allocations_in_order.deal_id = invoices_not_won.deal_id
            and allocations_in_order.plan_step = invoices_not_won.plan_step

),

allocations_of_steps as (

    select
        allocations.company_id,
        allocations.document_type,
        allocations.document_id,
        allocations.currency_code,
        case
            when steps_answered.is_credited_beyond
                then
                    allocations.document_type || '|' || allocations.company_id || '|'
                    || allocations.document_id
            else steps_answered.answering_key
        end as record_key,
        allocations.credited_amount as amount
    from allocations
    inner join steps_answered
        on
            allocations.org_id = steps_answered.org_id
            and allocations.deal_id = steps_answered.deal_id
            and allocations.plan_step = steps_answered.plan_step
    left join invoices_not_won
        on
            allocations.org_id = invoices_not_won.org_id
            and allocations.deal_id = invoices_not_won.deal_id
            and allocations.plan_step = invoices_not_won.plan_step
    where invoices_not_won.deal_id is null

),

allocations_answered as (

    select * from allocations_not_won
    union all
    select * from allocations_of_steps

),

of_allocations as (

    select
        company_id,
        currency_code,
        record_key,
        -amount as amount,
        'settled' as reason
    from allocations_answered
    where amount != 0

),

allocated_sums as (

    select
        company_id,
        document_type,
        document_id,
        sum(amount) as amount
    from allocations_answered
    group by company_id, document_type, document_id

),

of_other_credits as (

    select
        credits.company_id,
        credits.currency_code,
        credits.document_type || '|' || credits.company_id || '|' || credits.document_id
            as record_key,
        coalesce(allocated_sums.amount, 0) - credits.net_amount as amount,
        'credit_without_deal' as reason
    from credits
    left join allocated_sums
        on
            credits.company_id = allocated_sums.company_id
            and credits.document_type = allocated_sums.document_type
            and credits.document_id = allocated_sums.document_id
    where coalesce(allocated_sums.amount, 0) != credits.net_amount

),

final as (

    select * from of_steps
    union all
    select * from of_documents
    union all
    select * from of_allocations
    union all
    select * from of_other_credits

)

select * from final
