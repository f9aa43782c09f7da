{{ config(materialized='view') }}

-- What stands behind each plan step, one row per fact: the deal and its lines in Salesforce, the
-- rules that were applied, the invoices and credits in QuickBooks with the link that decided, the
-- word of a person, and what we wrote. A row without a plan step is about the whole deal. `role`
-- says which rows a part of a figure is made of.
with

deals as (

    select * from {{ ref('int_deals__billable') }}

),

lines as (

    select * from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted

),

lines_worth as (

    select * from {{ ref('int_deals__lines') }}

),

customers as (

    select * from {{ ref('matched_customers') }}
    where {{ usable_link('match_state') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

steps_judged as (

    select * from {{ ref('int_reconciliation__steps') }}

),

plans as (

    select * from {{ ref('billing_plans') }}

),

routing as (

    select * from {{ ref('company_routing') }}

),

exclusions as (

    select * from {{ ref('exclusions') }}

),

documents as (

    select * from {{ ref('int_reconciliation__documents') }}
    where deal_id is not null

),

links as (

    select * from {{ ref('matched_invoices') }}

),

live_links as (

    select
        *,
        match_state in ('confirmed', 'manual') as is_decided
    from {{ ref('int_invoices__linked_to_deals') }}

),

line_links as (

    select * from {{ ref('matched_invoice_lines') }}

),

decisions as (

    select * from {{ source('raw_state', 'match_decision') }}

),

credits as (

    select * from {{ ref('int_credits__allocated') }}

),

ledger as (

    select * from {{ source('raw_state', 'ledger') }}
    where flow = 'invoices'

),

planned as (

    select * from {{ ref('sync_invoices') }}

),

of_deals as (

    select
        org_id,
        deal_id,
        10 as place,
        'deal' as layer,
        case when basis_source = 'amount' then 'deal_line' end as role,
        basis_amount as amount,
        currency_code,
        deal_name || ', stage ' || coalesce(stage_name, 'unknown') || ', closed on ' || closed_on
        || case basis_source
            when 'lines'
                then
                    '; its ' || line_count || ' line(s) add up to '
                    || case
                        when discount_amount = 0 then 'this'
                        else line_amount || ', less its own discount of ' || discount_amount
                    end
            else '; it has no lines, so its amount counts'
        end as said,
        'salesforce' as system,
        org_id as source_id,
        'Opportunity' as object,
        deal_id as record_id
    from deals

),

of_lines as (

    select
        lines.org_id,
        lines.deal_id,
        11 as place,
        'deal line' as layer,
        'deal_line' as role,
        lines_worth.amount,
        deals.currency_code,
        coalesce(lines.description, lines.product_code, 'line') || ': '
        || coalesce({{ plain_number('lines.quantity') }}, '?') || ' × '
        || coalesce({{ plain_number('lines.unit_price') }}, '?')
        || coalesce(
            ' less ' || {{ plain_number('nullif(lines.discount_percent, 0)') }} || ' %', ''
        )
        || case
            when lines_worth.discount_amount = 0 then ''
            else
                ', ' || lines_worth.total_price || ' less ' || lines_worth.discount_amount
                || ' of the deal''s own discount'
        end as said,
        'salesforce' as system,
        lines.org_id as source_id,
        'OpportunityLineItem' as object,
        lines.line_id as record_id
    from lines
    inner join deals on lines.org_id = deals.org_id and lines.deal_id = deals.deal_id
    inner join lines_worth
        on lines.org_id = lines_worth.org_id and lines.line_id = lines_worth.line_id

),

of_customers as (

    select
        deals.org_id,
        deals.deal_id,
        12 as place,
        case when customers.match_state = 'manual' then 'decision' else 'link' end as layer,
        'Account ' || coalesce(customers.account_name, customers.account_id) || ' is customer '
        || customers.customer_name || ' (' || customers.link_role || '): '
        || case
            when customers.match_state = 'manual' then 'a person decided'
            else 'rule ' || customers.method || ', confidence ' || customers.confidence
        end || coalesce(', by ' || customers.decided_by, '')
        || coalesce(', since ' || strftime(customers.valid_from, '%Y-%m-%d'), '') as said,
        'quickbooks' as system,
        customers.company_id as source_id,
        'Customer' as object,
        customers.customer_id as record_id
    from deals
    inner join customers
        on
            deals.org_id = customers.org_id
            and deals.account_id = customers.account_id
            and deals.company_id = customers.company_id

),

of_routing as (

    select
        deals.org_id,
        deals.deal_id,
        13 as place,
        'rule' as layer,
        case
            when routing.company_id is null
                then 'No company bills deals in ' || deals.currency_code
            else
                'Deals in ' || deals.currency_code || ' are billed by company '
                || routing.company_id || ' (priority ' || routing.priority || ')'
        end as said,
        'crossfoot' as system,
        'company_routing' as object,
        deals.currency_code as record_id
    from deals
    left join routing
        on
            deals.currency_code = routing.currency_code
            and deals.company_id = routing.company_id

),

of_exclusions as (

    select
        deals.org_id,
        deals.deal_id,
        13 as place,
        'rule' as layer,
        'Outside the scope: ' || exclusions.reason as said,
        'crossfoot' as system,
        'exclusions' as object,
        exclusions.rule_code as record_id
    from deals
    inner join exclusions on deals.exclusion_rule = exclusions.rule_code

),

of_plans as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        14 as place,
        'rule' as layer,
        'Plan ' || plans.billing_plan || ', step ' || plans.plan_step || ': weight ' || plans.share
        || ' of ' || sum(plans.share) over (partition by steps.org_id, steps.deal_id) || ', '
        || plans.offset_months || ' month(s) after the close' as said,
        'crossfoot' as system,
        'billing_plans' as object,
        plans.billing_plan || '/' || plans.plan_step as record_id
    from steps
    inner join plans
        on steps.billing_plan = plans.billing_plan and steps.plan_step = plans.plan_step

),

of_steps as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        20 as place,
        'plan step' as layer,
        'step' as role,
        steps.amount,
        steps.currency_code,
        'Step ' || steps.plan_step || ' of ' || steps.step_count || ', due on ' || steps.due_on
        || ', unbilled after ' || steps.past_grace_on
        || coalesce('; now ' || replace(steps_judged.outcome, '_', ' '), '; not to be billed')
            as said,
        'crossfoot' as system,
        'plan step' as object,
        steps.deal_id || '/' || steps.plan_step as record_id
    from steps
    left join steps_judged
        on
            steps.org_id = steps_judged.org_id
            and steps.deal_id = steps_judged.deal_id
            and steps.plan_step = steps_judged.plan_step

),

of_documents as (

    select
        documents.org_id,
        documents.deal_id,
        documents.plan_step,
        30 as place,
        'invoice' as layer,
        case
            when {{ is_billing('documents.placement') }} then 'billed'
            when documents.placement = 'duplicate' and steps_judged.is_duplicate_settled
                then 'settled_duplicate'
        end as role,
        documents.amount,
        documents.currency_code,
        'Invoice ' || coalesce(documents.document_number, documents.invoice_id) || ' of '
        || documents.invoice_on || ' over ' || documents.net_amount
        || ' net takes this for the step (' || replace(documents.placement, '_', ' ')
        || '); linked because ' || links.evidence || ', confidence ' || links.confidence as said,
        'quickbooks' as system,
        documents.company_id as source_id,
        'Invoice' as object,
        documents.invoice_id as record_id
    from documents
    left join steps_judged
        on
            documents.org_id = steps_judged.org_id
            and documents.deal_id = steps_judged.deal_id
            and documents.plan_step = steps_judged.plan_step
    left join links
        on
            documents.company_id = links.company_id
            and documents.invoice_id = links.invoice_id
            and documents.deal_id = links.deal_id
            and documents.plan_step = links.plan_step
            and {{ usable_link('links.match_state') }}

),

of_lines_billed as (

    select
        line_links.org_id,
        line_links.deal_id,
        line_links.plan_step,
        31 as place,
        'invoice line' as layer,
        line_links.allocated_amount as amount,
        line_links.currency_code,
        'Line ' || line_links.line_number || coalesce(', item ' || line_links.item_id, '')
        || ': ' || line_links.allocated_amount || ' of ' || line_links.net_amount as said,
        'quickbooks' as system,
        line_links.company_id as source_id,
        'Invoice' as object,
        line_links.invoice_id as record_id
    from line_links

),

-- Candidates that do not count: undecided, rejected, or no longer there.
of_other_links as (

    select
        live_links.org_id,
        live_links.deal_id,
        live_links.plan_step,
        32 as place,
        'link' as layer,
        'Invoice ' || coalesce(live_links.document_number, live_links.invoice_id)
        || ' does not count: '
        || case
            when live_links.is_deleted then 'it was deleted'
            when live_links.is_voided then 'it was voided'
            else 'the link is ' || live_links.match_state
        end || ' (' || live_links.method || ')' as said,
        'quickbooks' as system,
        live_links.company_id as source_id,
        'Invoice' as object,
        live_links.invoice_id as record_id
    from live_links
    where not live_links.is_allocating

),

of_decisions as (

    select
        decisions.org_id,
        split_part(decisions.left_id, '/', 1) as deal_id,
        try_cast(nullif(split_part(decisions.left_id, '/', 2), '') as integer) as plan_step,
        33 as place,
        'decision' as layer,
        'Invoice ' || decisions.right_id || ' ' || decisions.decision || ' by '
        || decisions.decided_by || ' on ' || strftime(decisions.decided_at, '%Y-%m-%d')
        || coalesce(': ' || nullif(decisions.reason, ''), '') as said,
        'crossfoot' as system,
        'match_decision' as object,
        cast(decisions.number as varchar) as record_id
    from decisions
    where decisions.subject = 'invoice'

),

of_credits as (

    select
        credits.org_id,
        credits.deal_id,
        credits.plan_step,
        40 as place,
        'credit' as layer,
        'credit' as role,
        credits.credited_amount as amount,
        credits.currency_code,
        case credits.document_type when 'credit_memo' then 'Credit memo ' else 'Refund ' end
        || coalesce(credits.document_number, credits.document_id) || ' of ' || credits.credited_on
        || ' takes this back, net (' || credits.method || ')' as said,
        'quickbooks' as system,
        credits.company_id as source_id,
        case credits.document_type when 'credit_memo' then 'CreditMemo' else 'RefundReceipt' end
            as object,
        credits.document_id as record_id
    from credits

),

of_writes as (

    select
        deals.org_id,
        ledger.record_id as deal_id,
        ledger.plan_step,
        50 as place,
        'written by us' as layer,
        ledger.amount,
        ledger.currency_code,
        ledger.action || ' ' || ledger.entity || coalesce(' ' || ledger.remote_id, '') || ': '
        || ledger.status || coalesce(' on ' || strftime(ledger.finished_at, '%Y-%m-%d'), '')
        || coalesce(', ' || nullif(ledger.vendor_message, ''), '') as said,
        'crossfoot' as system,
        'ledger' as object,
        ledger.change_key as record_id
    from ledger
    inner join deals on ledger.record_id = deals.deal_id

),

of_plans_to_write as (

    select
        org_id,
        deal_id,
        plan_step,
        60 as place,
        'intention' as layer,
        amount,
        currency_code,
        case
            when blocked_reason is null then 'Will be invoiced on ' || invoice_on
            else
                'Cannot be invoiced: ' || replace(blocked_reason, '_', ' ')
                || coalesce(' (' || nullif(blocked_detail, '') || ')', '')
        end as said,
        'crossfoot' as system,
        'sync_invoices' as object,
        deal_id || '/' || plan_step as record_id
    from planned

),

combined as (

    select * from of_deals
    union all by name
    select * from of_lines
    union all by name
    select * from of_customers
    union all by name
    select * from of_routing
    union all by name
    select * from of_exclusions
    union all by name
    select * from of_plans
    union all by name
    select * from of_steps
    union all by name
    select * from of_documents
    union all by name
    select * from of_lines_billed
    union all by name
    select * from of_other_links
    union all by name
    select * from of_decisions
    union all by name
    select * from of_credits
    union all by name
    select * from of_writes
    union all by name
    select * from of_plans_to_write

),

final as (

    select
        org_id,
        deal_id,
        cast(plan_step as integer) as plan_step,
        cast(place as integer) as place,
        layer,
        role,
        cast(amount as decimal(18, 2)) as amount,
        currency_code,
        said,
        system,
        coalesce(source_id, org_id) as source_id,
        object,
        record_id
    from combined

)

select * from final
