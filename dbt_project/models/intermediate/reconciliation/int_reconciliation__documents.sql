-- Every live invoice, once per link or once without one, with the single place that its amount
-- has in the bridge. Nothing falls between the places: each row gets exactly one.
with

invoices as (

    select * from {{ ref('int_invoices__net') }}
    where is_live

),

links as (

    select * from {{ ref('int_invoices__linked_to_deals') }}

),

deals as (

    select * from {{ ref('int_deals__billable') }}

),

steps as (

    select * from {{ ref('int_billing_plan__steps') }}

),

customer_links as (

    select * from {{ ref('int_customers__linked') }}

),

customers_matched as (

    select * from {{ ref('matched_customers') }}

),

clock as (

    select * from {{ ref('int_clock') }}

),

excluded_accounts as (

    select
        accounts.org_id,
        accounts.account_id
    from {{ judged(ref('stg_salesforce__accounts')) }} as accounts
    inner join {{ ref('exclusions') }} as exclusions
        on
            exclusions.subject = 'account_type'
            and accounts.account_type = exclusions.matched_value

),

links_decided as (

    select * from links
    where is_allocating

),

invoices_undecided as (

    select
        company_id,
        invoice_id,
        count(*) as candidates
    from links
    where match_state = 'ambiguous' and is_live
    group by company_id, invoice_id

),

-- Who the invoiced customer is, as far as anybody has an idea: linked, or at least linkable.
customers_known as (

    select
        customers_matched.company_id,
        customers_matched.customer_id,
        bool_and(excluded_accounts.account_id is not null) as is_excluded,
        min_by(
            struct_pack(
                org_id := customers_matched.org_id, account_id := customers_matched.account_id
            ),
            (
                case when {{ usable_link('customers_matched.match_state') }} then 0 else 1 end,
                coalesce(customers_matched.candidate_rank, 1),
                customers_matched.account_id
            )
        ) as account
    from customers_matched
    left join excluded_accounts
        on
            customers_matched.org_id = excluded_accounts.org_id
            and customers_matched.account_id = excluded_accounts.account_id
    where customers_matched.match_state != 'rejected' and customers_matched.valid_to is null
    group by customers_matched.company_id, customers_matched.customer_id

),

accounts_linked as (

    select distinct
        org_id,
        account_id,
        company_id
    from customer_links

),

customers_linked as (

    select distinct
        company_id,
        customer_id
    from customer_links

),

-- A link that was right when the invoice was written is no mistake of the invoice; one that a
-- person took back never was right.
customers_then as (

    select distinct
        links_decided.company_id,
        links_decided.invoice_id,
        links_decided.deal_id
    from links_decided
    inner join deals
        on links_decided.org_id = deals.org_id and links_decided.deal_id = deals.deal_id
    inner join {{ ref('customer_identity') }} as identities
        on
            deals.org_id = identities.org_id
            and deals.account_id = identities.account_id
            and links_decided.company_id = identities.company_id
            and links_decided.customer_id = identities.customer_id
            and identities.ended_how is distinct from 'undone'
            and links_decided.invoice_on >= cast(identities.valid_from as date)
            and links_decided.invoice_on
            <= coalesce(cast(identities.valid_to as date), date '9999-12-31')

),

documents_joined as (

    select
        invoices.company_id,
        invoices.invoice_id,
        invoices.document_number,
        invoices.customer_id,
        invoices.customer_name,
        invoices.currency_code,
        invoices.invoice_on,
        invoices.created_at,
        invoices.net_amount,
        links_decided.org_id,
        links_decided.deal_id,
        links_decided.plan_step,
        links_decided.method,
        coalesce(links_decided.allocated_amount, invoices.net_amount) as amount,
        -- Of an invoice that bills several steps each has one line, so far as rounding goes.
        case
            when links_decided.allocated_amount != invoices.net_amount then 1
            else invoices.line_count
        end as line_count,
        deals.account_id as deal_account_id,
        deals.is_won,
        deals.is_billable,
        deals.company_id as routed_company_id,
        deals.currency_code as deal_currency_code,
        steps.amount as step_amount,
        steps.due_on,
        steps.due_on <= clock.as_of_on as is_step_due,
        customers_known.account.org_id as customer_org_id,
        customers_known.account.account_id as customer_account_id,
        coalesce(customers_known.is_excluded, false) as is_customer_excluded,
        invoices_undecided.candidates,
        invoices.line_signature,
        own_links.customer_id is not null or customers_then.invoice_id is not null
            as is_own_customer,
        accounts_linked.account_id is not null as is_account_linked,
        customers_linked.customer_id is not null as is_customer_linked
    from invoices
    cross join clock
    left join links_decided
        on
            invoices.company_id = links_decided.company_id
            and invoices.invoice_id = links_decided.invoice_id
    left join deals
        on links_decided.org_id = deals.org_id and links_decided.deal_id = deals.deal_id
    left join steps
        on
            links_decided.org_id = steps.org_id
            and links_decided.deal_id = steps.deal_id
            and links_decided.plan_step = steps.plan_step
    left join customer_links as own_links
        on
            deals.org_id = own_links.org_id
            and deals.account_id = own_links.account_id
            and invoices.company_id = own_links.company_id
            and invoices.customer_id = own_links.customer_id
    left join customers_then
        on
            links_decided.company_id = customers_then.company_id
            and links_decided.invoice_id = customers_then.invoice_id
            and links_decided.deal_id = customers_then.deal_id
    left join accounts_linked
        on
            deals.org_id = accounts_linked.org_id
            and deals.account_id = accounts_linked.account_id
            and invoices.company_id = accounts_linked.company_id
    left join customers_linked
        on
            invoices.company_id = customers_linked.company_id
            and invoices.customer_id = customers_linked.customer_id
    left join customers_known
        on
            invoices.company_id = customers_known.company_id
            and invoices.customer_id = customers_known.customer_id
    left join invoices_undecided
        on
            invoices.company_id = invoices_undecided.company_id
            and invoices.invoice_id = invoices_undecided.invoice_id

),

documents_judged as (

    select
        *,
        deal_id is not null and company_id != routed_company_id as is_wrong_entity,
        deal_id is not null and coalesce(currency_code != deal_currency_code, false)
            as is_wrong_currency,
        -- A person who linked the invoice knew whose it is. Otherwise one of the two must be
        -- linked to somebody, or there is nothing to contradict.
        deal_id is not null
        and method not in ('manual', 'inferred', 'twin')
        and not is_own_customer
        and (is_account_linked or is_customer_linked) as is_wrong_customer
    from documents_joined

),

-- The invoice that fits its step best comes first; a further one is too many when the step is
-- full without it, or when it repeats the first.
documents_ranked as (

    select
        *,
        deal_id is not null
        and is_billable
        and not coalesce(is_wrong_entity, false)
        and not is_wrong_currency as is_comparable,
        row_number() over fit as fit_rank,
        first_value(amount) over fit as first_amount,
        coalesce(sum(amount) over (fit rows between unbounded preceding and 1 preceding), 0)
            as amount_before,
        sum(amount) over (
            partition by
                org_id, deal_id, plan_step,
                coalesce(is_wrong_entity, false) or is_wrong_currency
        ) as amount_in_all,
        -- Nearly every step has one document, which needs no summing: it is told here, where the
        -- documents of a step stand together anyway.
        deal_id is not null
        and not (coalesce(is_wrong_entity, false) or is_wrong_currency)
        and count(*) over (
            partition by
                org_id, deal_id, plan_step,
                coalesce(is_wrong_entity, false) or is_wrong_currency
        ) = 1 as is_alone
    from documents_judged
    window fit as (
        partition by
            org_id, deal_id, plan_step,
            coalesce(is_wrong_entity, false) or is_wrong_currency
        order by
            abs(amount - step_amount) > {{ tolerance('step_amount') }},
            abs(amount - step_amount),
            invoice_on,
            created_at,
            try_cast(invoice_id as bigint),
            invoice_id
    )

),

-- Where no deal is known, the same lines to the same customer within a few days are one sale.
orphans_repeated as (

    select
        company_id,
        invoice_id,
        lag(document_number) over same_sale as repeated_number,
        invoice_on - lag(invoice_on) over same_sale as days_apart
    from documents_judged
    where
        deal_id is null
        and candidates is null
        and line_signature is not null
        and amount > 0
    window same_sale as (
        partition by company_id, customer_id, currency_code, line_signature
        order by invoice_on, created_at, try_cast(invoice_id as bigint), invoice_id
    )

),

documents_joined_again as (

    select
        documents_ranked.*,
        orphans_repeated.repeated_number
    from documents_ranked
    left join orphans_repeated
        on
            documents_ranked.company_id = orphans_repeated.company_id
            and documents_ranked.invoice_id = orphans_repeated.invoice_id
            and orphans_repeated.days_apart <= {{ var('duplicate_window_days', 10) }}

),

documents_placed as (

    select
        *,
        case
            when candidates is not null and deal_id is null then 'undecided'
            when deal_id is null and (is_customer_excluded or customer_account_id is null)
                then 'out_of_scope'
            when deal_id is null and repeated_number is not null then 'duplicate'
            when deal_id is null then 'orphan'
            when not is_won then 'not_won'
            when not is_billable then 'excluded'
            when is_wrong_entity then 'wrong_entity'
            when is_wrong_currency then 'wrong_currency'
            when
                fit_rank > 1
                and amount_in_all > step_amount + {{ tolerance('step_amount') }}
                and (
                    amount_before >= step_amount - {{ tolerance('step_amount') }}
                    or abs(amount - first_amount) <= {{ tolerance('step_amount') }}
                )
                then 'duplicate'
            when not is_step_due then 'early'
            else 'billed'
        end as placement
    from documents_joined_again

),

final as (

    select
        * exclude (
            fit_rank, first_amount, amount_before, amount_in_all, is_comparable, line_signature
        )
    from documents_placed

)

select * from final
