-- One row per due plan step without an invoice: what would be sent, or why it is not.
with

steps as (

    select * from {{ ref('int_billing_plan__unbilled') }}

),

customers as (

    select * from {{ ref('int_customers__routed') }}

),

described as (

    select * from {{ ref('int_invoices__described') }}

),

clock as (

    select * from {{ ref('int_clock') }}

),

contacts as (

    select * from {{ judged(ref('stg_salesforce__contacts')) }}
    where not is_deleted and is_billing_contact and email is not null

),

billing_emails as (

    select
        org_id,
        account_id,
        arg_min(email, contact_id) as email
    from contacts
    group by org_id, account_id

),

-- TAX on a line only says that it is taxed; by which code, the document says. QuickBooks takes the
-- code from there alone, unless it finds the rate by the address itself.
codes as (

    select
        tax_codes.currency_code,
        tax_codes.is_customer_taxable,
        companies.company_id,
        companies.default_tax_code_id
    from {{ ref('tax_codes') }} as tax_codes
    inner join {{ ref('stg_quickbooks__companies') }} as companies
        on tax_codes.company_id = companies.company_id
    where
        tax_codes.tax_code_id = 'TAX'
        and companies.is_using_sales_tax
        and not companies.is_tax_by_address

),

joined as (

    select
        steps.org_id,
        steps.deal_id,
        steps.deal_name,
        steps.company_id,
        steps.plan_step,
        steps.step_count,
        cast(steps.generation as integer) as generation,
        steps.account_id,
        steps.account_name,
        customers.customer_id,
        case
            when customers.customer_id is null then customers.customer_change_key
        end as customer_change_key,
        steps.currency_code,
        steps.amount,
        cast(case
            when steps.billing_plan = 'Schedule' then steps.parts
            when steps.basis_source = 'lines' then steps.line_count
            else 0
        end as integer) as line_count,
        clock.as_of_on as invoice_on,
        customers.term_id,
        coalesce(billing_emails.email, customers.email) as bill_email,
        steps.po_number,
        case
            when customers.customer_id = steps.estimate_customer_id then steps.estimate_id
        end as estimate_id,
        case
            when codes.company_id is not null
                then coalesce(billed.default_tax_code_id, codes.default_tax_code_id)
        end as tax_code_id,
        described.class_id,
        described.class_name,
        described.location_id,
        described.location_name,
        described.custom_fields,
        described.document_number,
        described.exchange_rate,
        'Crossfoot ' || steps.deal_id || '/' || steps.plan_step || '/g' || steps.generation
            as mark,
        'Crossfoot ' || steps.deal_id || '/' || steps.plan_step || '/g' || steps.generation
        || chr(10) || 'Deal: ' || coalesce(steps.deal_name, '')
        || case
            when steps.step_count > 1
                then chr(10) || 'Step ' || steps.step_number || ' of ' || steps.step_count
            else ''
        end as private_note,
        steps.step_blocked_reason,
        steps.step_blocked_detail,
        -- What keeps it back whether or not a person re-opens the step.
        coalesce(customers.customer_blocked_reason, described.blocked_reason)
            as other_blocked_reason,
        case
            when customers.customer_blocked_reason is not null
                then customers.customer_blocked_detail
            else described.blocked_detail
        end as other_blocked_detail,
        clock.as_of_at as data_as_of
    from steps
    cross join clock
    left join customers
        on
            steps.org_id = customers.org_id
            and steps.deal_id = customers.deal_id
            and steps.company_id = customers.company_id
            and steps.currency_code = customers.currency_code
    left join described
        on
            steps.org_id = described.org_id
            and steps.deal_id = described.deal_id
            and steps.plan_step = described.plan_step
    left join {{ ref('stg_quickbooks__customers') }} as billed
        on
            customers.company_id = billed.company_id
            and customers.customer_id = billed.customer_id
    left join codes
        on
            steps.company_id = codes.company_id
            and steps.currency_code = codes.currency_code
            and coalesce(customers.is_taxable, false) = codes.is_customer_taxable
    left join billing_emails
        on
            steps.org_id = billing_emails.org_id
            and steps.account_id = billing_emails.account_id

),

final as (

    select
        * exclude (step_blocked_reason, step_blocked_detail),
        case
            when '{{ var("invoice_mail", "off") }}' = 'queue' and bill_email is not null
                then 'NeedToSend'
        end as email_status,
        coalesce(step_blocked_reason, other_blocked_reason) as blocked_reason,
        case
            when step_blocked_reason is not null then step_blocked_detail
            else other_blocked_detail
        end as blocked_detail
    from joined

)

select * from final
