-- Which deal an invoice names, by a person's decision or by what is written on it: the mark,
-- the custom field, the PO number, its estimate, the deal's own invoice field or number.
-- One row per invoice; several only where a person or a shared PO number says so.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

links as (

    select * from {{ ref('int_customers__linked') }}

),

estimates as (

    select * from {{ ref('stg_quickbooks__estimates') }}

),

deletions as (

    select * from {{ ref('stg_quickbooks__deletions') }}
    where entity = 'Invoice'

),

decisions as (

    select * from {{ ref('int_invoices__decided') }}

),

-- What is written where. A written reference is an id of 15 or 18 characters and a step.
written as (

    select
        company_id,
        invoice_id,
        2 as priority,
        'mark' as method,
        regexp_extract(private_note, {{ mark_pattern() }}, 1) as deal_reference,
        try_cast(regexp_extract(private_note, {{ mark_pattern() }}, 2) as integer) as plan_step
    from invoices
    where private_note like '%Crossfoot %'

    union all

    select
        company_id,
        invoice_id,
        3 as priority,
        'custom_field' as method,
        trim(split_part(deal_reference, '/', 1)) as deal_reference,
        try_cast(split_part(deal_reference, '/', 2) as integer) as plan_step
    from invoices
    where deal_reference is not null

    union all

    select
        invoices.company_id,
        invoices.invoice_id,
        5 as priority,
        'estimate' as method,
        trim(split_part(estimates.deal_reference, '/', 1)) as deal_reference,
        try_cast(split_part(estimates.deal_reference, '/', 2) as integer) as plan_step
    from invoices
    inner join estimates
        on
            invoices.company_id = estimates.company_id
            and invoices.estimate_id = estimates.estimate_id
    where estimates.deal_reference is not null

),

-- The first 15 characters are the id; the last three only repeat its capitals.
written_resolved as (

    select
        written.company_id,
        written.invoice_id,
        deals.org_id,
        deals.deal_id,
        written.plan_step,
        written.priority,
        written.method
    from written
    inner join deals on left(written.deal_reference, 15) = left(deals.deal_id, 15)
    where length(written.deal_reference) in (15, 18)

),

-- The deal was made from the estimate that the invoice was made from, and carries its key.
named_by_estimate as (

    select
        invoices.company_id,
        invoices.invoice_id,
        deals.org_id,
        deals.deal_id,
        cast(null as integer) as plan_step,
        5 as priority,
        'estimate' as method
    from invoices
    inner join deals on invoices.company_id || ':' || invoices.estimate_id = deals.estimate_key

),

-- The deal names the invoice: "<company>:<invoice>". It also finds an invoice that was
-- deleted before anybody read it.
named_by_deal as (

    select
        split_part(deals.invoice_key, ':', 1) as company_id,
        split_part(deals.invoice_key, ':', 2) as invoice_id,
        deals.org_id,
        deals.deal_id,
        cast(null as integer) as plan_step,
        6 as priority,
        'deal_field' as method
    from deals
    where deals.invoice_key like '%:%'

),

named_by_deal_known as (

    select named_by_deal.*
    from named_by_deal
    left join invoices
        on
            named_by_deal.company_id = invoices.company_id
            and named_by_deal.invoice_id = invoices.invoice_id
    left join deletions
        on
            named_by_deal.company_id = deletions.company_id
            and named_by_deal.invoice_id = deletions.record_id
    where invoices.invoice_id is not null or deletions.record_id is not null

),

-- The number that somebody has typed on the deal, where one invoice of the account's own customer
-- bears it. A deal that names the invoice by its id needs no number.
named_by_number as (

    select
        invoices.company_id,
        invoices.invoice_id,
        deals.org_id,
        deals.deal_id,
        cast(null as integer) as plan_step,
        7 as priority,
        'document_number' as method
    from deals
    inner join links
        on
            deals.org_id = links.org_id
            and deals.account_id = links.account_id
            and deals.company_id = links.company_id
    inner join invoices
        on
            links.company_id = invoices.company_id
            and links.customer_id = invoices.customer_id
            and {{ po_key('deals.invoice_number') }} = {{ po_key('invoices.document_number') }}
    where deals.invoice_key is null
    qualify count(*) over (partition by deals.org_id, deals.deal_id) = 1

),

-- A PO number is the customer's word: it counts for deals of the customer's own accounts,
-- and for another account only when nobody else has it and the amount agrees.
po_pairs as (

    select
        invoices.company_id,
        invoices.invoice_id,
        deals.org_id,
        deals.deal_id,
        deals.is_won,
        links.customer_id is not null as is_own_customer,
        bool_or(
            abs(steps.amount - invoices.net_amount) <= {{ tolerance('steps.amount', 'steps') }}
        ) as is_amount_equal,
        any_value(invoices.net_amount) as net_amount,
        case when count(*) = 1 then sum(steps.amount) end as only_amount
    from invoices
    inner join deals on {{ po_key('invoices.po_reference') }} = {{ po_key('deals.po_number') }}
    inner join steps on deals.org_id = steps.org_id and deals.deal_id = steps.deal_id
    left join links
        on
            deals.org_id = links.org_id
            and deals.account_id = links.account_id
            and invoices.company_id = links.company_id
            and invoices.customer_id = links.customer_id
    group by all

),

po_pairs_counted as (

    select
        *,
        count(*) over invoice as deals_in_all,
        count(*) filter (where is_own_customer) over invoice as deals_of_customer,
        count(*) filter (where is_own_customer and is_amount_equal) over invoice
            as deals_of_amount,
        -- One invoice for all that was ordered under a number: deals of one step each, together
        -- the invoice to the cent.
        count(*) filter (where is_own_customer) over invoice
        = count(*) filter (where is_own_customer and is_won and only_amount > 0) over invoice
        and sum(only_amount) filter (where is_own_customer) over invoice = net_amount
            as is_all_together
    from po_pairs
    window invoice as (partition by company_id, invoice_id)

),

named_by_po as (

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        cast(null as integer) as plan_step,
        4 as priority,
        'po_number' as method,
        deals_of_amount = 0 and coalesce(is_all_together, false) as is_all_together
    from po_pairs_counted
    where
        case
            when deals_of_amount > 0 then is_own_customer and is_amount_equal
            when deals_of_customer > 0 then is_own_customer
            else deals_in_all = 1 and is_amount_equal
        end

),

decided as (

    select
        company_id,
        invoice_id,
        org_id,
        deal_id,
        plan_step,
        1 as priority,
        'manual' as method
    from decisions
    where decision = 'confirmed'

),

evidence as (

    select
        *,
        false as is_all_together
    from decided
    union all
    select
        *,
        false as is_all_together
    from written_resolved
    union all
    select
        *,
        false as is_all_together
    from named_by_estimate
    union all
    select * from named_by_po
    union all
    select
        *,
        false as is_all_together
    from named_by_deal_known
    union all
    select
        *,
        false as is_all_together
    from named_by_number

),

-- What a person has rejected is not proposed again unless the evidence has changed, and then it is
-- asked again and not linked.
evidence_kept as (

    select
        evidence.*,
        coalesce(decisions.decision = 'returned', false) as is_returned
    from evidence
    left join decisions
        on
            evidence.company_id = decisions.company_id
            and evidence.invoice_id = decisions.invoice_id
            and evidence.org_id = decisions.org_id
            and evidence.deal_id = decisions.deal_id
            and decisions.decision in ('rejected', 'returned')
    where coalesce(decisions.decision, '') != 'rejected'

),

-- The strongest evidence speaks alone.
evidence_strongest as (

    select * from evidence_kept
    qualify priority = min(priority) over (partition by company_id, invoice_id)

),

final as (

    select
        *,
        count(distinct deal_id) over (partition by company_id, invoice_id) as deals_named
    from evidence_strongest

)

select * from final
