-- The bridge's grain: every plan step and every live invoice in exactly one line, signed as it
-- moves the sum from what was sold to what was invoiced. The bridge ties because this does. A step
-- belongs to the day on which it falls due (not yet due: to that of the close), an invoice to its
-- own.
with

steps as (

    select * from {{ ref('int_reconciliation__steps') }}

),

documents as (

    select * from {{ ref('int_reconciliation__documents') }}

),

-- What is sold and not due yet leaves the expected billing.
steps_not_due as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        'C' as line_code,
        -amount as amount,
        closed_on as dated_on,
        org_id,
        deal_id,
        plan_step,
        cast(null as varchar) as invoice_id
    from steps
    where not is_due

),

-- A due step that is invoiced differs from its invoices by what is missing or too much; within the
-- tolerance that is no mismatch, so it stands in a line of its own.
steps_differing as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        case
            when abs(invoiced_amount - amount) <= tolerance then 'V_ROUND'
            when invoiced_amount < amount then 'V_UNDER'
            else 'V_OVER'
        end as line_code,
        invoiced_amount - amount as amount,
        due_on as dated_on,
        org_id,
        deal_id,
        plan_step,
        cast(null as varchar) as invoice_id
    from steps
    where is_due and outcome = 'invoiced' and invoiced_amount != amount

),

-- Any other due step is missing in full, under the line that says why.
steps_missing as (

    select
        coalesce(company_id, 'not routed') as company_id,
        currency_code,
        case outcome
            when 'misplaced' then 'X'
            when 'undecided' then 'Q'
            when 'in_grace' then 'G'
            when 'being_replaced' then 'G'
            when 'to_be_credited' then 'M'
            else 'U'
        end as line_code,
        -amount as amount,
        due_on as dated_on,
        org_id,
        deal_id,
        plan_step,
        cast(null as varchar) as invoice_id
    from steps
    where is_due and outcome != 'invoiced'

),

-- An invoice that no due step expects in this company and currency comes on top.
documents_on_top as (

    select
        company_id,
        currency_code,
        case placement
            when 'duplicate' then 'D'
            when 'orphan' then 'O'
            when 'out_of_scope' then 'Z'
            when 'excluded' then 'Z'
            when 'not_won' then 'L'
            when 'early' then 'K'
            when 'undecided' then 'Q'
            else 'X'
        end as line_code,
        amount,
        invoice_on as dated_on,
        org_id,
        deal_id,
        plan_step,
        invoice_id
    from documents
    where placement != 'billed'

),

final as (

    select * from steps_not_due
    union all
    select * from steps_differing
    union all
    select * from steps_missing
    union all
    select * from documents_on_top

)

select * from final
