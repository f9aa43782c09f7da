-- Which plan step a credit or refund takes back, net. A reference on the document speaks for
-- all of it; otherwise the part that a payment applies to a linked invoice counts.
with

credits as (

    select * from {{ ref('int_credits__net') }}
    where is_live

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}
    where is_usable

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

applications as (

    select * from {{ ref('stg_quickbooks__payment_applications') }}

),

references_written as (

    select
        company_id,
        document_type,
        document_id,
        credited_on,
        net_amount,
        coalesce(
            nullif(trim(split_part(deal_reference, '/', 1)), ''),
            nullif(regexp_extract(private_note, {{ mark_pattern() }}, 1), '')
        ) as deal_reference,
        coalesce(
            try_cast(split_part(deal_reference, '/', 2) as integer),
            try_cast(regexp_extract(private_note, {{ mark_pattern() }}, 2) as integer)
        ) as plan_step
    from credits

),

-- Without a step on it, the credit concerns the step that was invoiced last before it.
references_stepped as (

    select
        references_written.company_id,
        references_written.document_type,
        references_written.document_id,
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        references_written.net_amount as credited_amount,
        'reference' as method
    from references_written
    inner join steps on left(references_written.deal_reference, 15) = left(steps.deal_id, 15)
    left join links
        on
            steps.org_id = links.org_id
            and steps.deal_id = links.deal_id
            and steps.plan_step = links.plan_step
            and links.is_live
    where length(references_written.deal_reference) in (15, 18)
    qualify row_number() over (
        partition by
            references_written.company_id,
            references_written.document_type,
            references_written.document_id
        order by
            coalesce(steps.plan_step = references_written.plan_step, false) desc,
            coalesce(links.invoice_on <= references_written.credited_on, false) desc,
            links.invoice_on desc nulls last,
            steps.plan_step asc
    ) = 1

),

-- A payment that carries a credit to invoices names both; several invoices share the credit
-- by what is applied to each, the last one taking the cent that is left.
credit_applications as (

    select
        company_id,
        payment_id,
        document_id as credit_memo_id,
        sum(amount) as credit_applied
    from applications
    where document_type = 'CreditMemo'
    group by company_id, payment_id, document_id

),

invoice_applications as (

    select
        company_id,
        payment_id,
        document_id as invoice_id,
        sum(amount) as invoice_applied
    from applications
    where document_type = 'Invoice'
    group by company_id, payment_id, document_id

),

applied_shared as (

    select
        credit_applications.company_id,
        credit_applications.payment_id,
        credit_applications.credit_memo_id,
        invoice_applications.invoice_id,
        {{ cents('credit_applications.credit_applied') }} as credit_cents,
        {{ cents('invoice_applications.invoice_applied') }} as invoice_cents,
        sum({{ cents('invoice_applications.invoice_applied') }}) over credit as applied_cents,
        row_number() over (
            partition by
                credit_applications.company_id,
                credit_applications.payment_id,
                credit_applications.credit_memo_id
            order by invoice_applications.invoice_id desc
        ) as from_the_end
    from credit_applications
    inner join invoice_applications
        on
            credit_applications.company_id = invoice_applications.company_id
            and credit_applications.payment_id = invoice_applications.payment_id
    where invoice_applications.invoice_applied > 0
    window credit as (
        partition by
            credit_applications.company_id,
            credit_applications.payment_id,
            credit_applications.credit_memo_id
    )

),

applied_split as (

    select
        company_id,
        credit_memo_id,
        invoice_id,
        case
            when from_the_end = 1
                then
                    credit_cents
                    - coalesce(
                        sum(credit_cents * invoice_cents // applied_cents) over (
                            partition by company_id, payment_id, credit_memo_id
                            order by from_the_end desc
                            rows between unbounded preceding and 1 preceding
                        ), 0
                    )
            else credit_cents * invoice_cents // applied_cents
        end as gross_cents
    from applied_shared

),

applied_summed as (

    select
        company_id,
        credit_memo_id,
        invoice_id,
        sum(gross_cents) as gross_cents
    from applied_split
    group by company_id, credit_memo_id, invoice_id

),

-- The applied part is gross; its net part is in the document's own proportion.
applied_stepped as (

    select
        credits.company_id,
        credits.document_type,
        credits.document_id,
        links.org_id,
        links.deal_id,
        links.plan_step,
        case
            when applied_summed.gross_cents >= {{ cents('credits.gross_amount') }}
                then credits.net_amount
            else
                (
                    {{ in_proportion(
                        'applied_summed.gross_cents', cents('credits.net_amount'),
                        cents('credits.gross_amount')
                    ) }} * 0.01
                )::decimal(18, 2)
        end as credited_amount,
        'applied' as method
    from applied_summed
    inner join credits
        on
            applied_summed.company_id = credits.company_id
            and applied_summed.credit_memo_id = credits.document_id
            and credits.document_type = 'credit_memo'
    inner join links
        on
            applied_summed.company_id = links.company_id
            and applied_summed.invoice_id = links.invoice_id
    left join references_stepped
        on
            credits.company_id = references_stepped.company_id
            and credits.document_type = references_stepped.document_type
            and credits.document_id = references_stepped.document_id
    where references_stepped.document_id is null
    qualify row_number() over (
        partition by credits.company_id, credits.document_id, applied_summed.invoice_id
        order by links.allocated_amount desc, links.deal_id asc, links.plan_step asc
    ) = 1

),

allocated as (

    select * from references_stepped
    union all
    select * from applied_stepped

),

final as (

    select
        allocated.company_id,
        allocated.document_type,
        allocated.document_id,
        credits.document_number,
        credits.customer_id,
        credits.customer_name,
        credits.credited_on,
        credits.created_at,
        credits.currency_code,
        allocated.org_id,
        allocated.deal_id,
        allocated.plan_step,
        cast(sum(allocated.credited_amount) as decimal(18, 2)) as credited_amount,
        min(allocated.method) as method
    from allocated
    inner join credits
        on
            allocated.company_id = credits.company_id
            and allocated.document_type = credits.document_type
            and allocated.document_id = credits.document_id
    group by all

)

select * from final
