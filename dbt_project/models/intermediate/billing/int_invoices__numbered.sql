-- The number of each invoice that is due, where the company's are not left to QuickBooks: prefix,
-- what the deal's field says and, of several steps, the step; or why there can be none. A number
-- that an invoice has already, or that two of these would have, is never written. One that takes
-- the place of a voided invoice says which generation it is: the voided one keeps its number.
with

steps as (

    select * from {{ ref('int_billing_plan__unbilled') }}
    where company_id is not null

),

policies as (

    select * from {{ ref('document_numbers') }}
    where numbered_by = 'deal'

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

invoices as (

    select * from {{ ref('stg_quickbooks__invoices') }}
    where not is_deleted and document_number is not null

),

steps_asked as (

    select
        steps.org_id,
        steps.deal_id,
        steps.company_id,
        steps.plan_step,
        steps.step_count,
        case
            when
                steps.step_blocked_reason
                in ('previous_invoice_voided', 'previous_invoice_deleted')
                then '-g' || (steps.generation + 1)
            else ''
        end as generation_suffix,
        policies.prefix,
        policies.source_field,
        cast(null as varchar) as line_id
    from steps
    inner join policies on steps.company_id = policies.company_id

),

records as (

    {{ records_of('steps_asked', 'policies') }}

),

steps_valued as (

    select
        steps_asked.*,
        {{ has_field('records.deal', 'steps_asked.source_field') }} as is_field_known,
        {{ field_value('records.deal', 'steps_asked.source_field') }} as own_number
    from steps_asked
    inner join records
        on steps_asked.org_id = records.org_id and steps_asked.deal_id = records.deal_id

),

steps_numbered as (

    select
        *,
        coalesce(prefix, '') || own_number
        || case when step_count > 1 then '-' || plan_step else '' end
        || generation_suffix as document_number
    from steps_valued

),

invoices_counted as (

    select
        company_id,
        lower(document_number) as number_key,
        min(invoice_id) as invoice_id
    from invoices
    group by company_id, number_key

),

steps_counted as (

    select
        steps_numbered.*,
        count(*) over (
            partition by steps_numbered.company_id, lower(steps_numbered.document_number)
        ) as alike,
        invoices_counted.invoice_id as taken_by
    from steps_numbered
    left join invoices_counted
        on
            steps_numbered.company_id = invoices_counted.company_id
            and lower(steps_numbered.document_number) = invoices_counted.number_key

),

-- Where people number by hand, an invoice without a number would get none: QuickBooks is asked for
-- its own.
steps_asking as (

    select
        steps.org_id,
        steps.deal_id,
        steps.company_id,
        steps.plan_step
    from steps
    inner join companies on steps.company_id = companies.company_id
    left join policies on steps.company_id = policies.company_id
    where companies.has_custom_numbers and policies.company_id is null

),

judged_numbers as (

    select
        steps_counted.*,
        case
            when not is_field_known then 'mapped_field_unknown'
            when own_number is null then 'document_number_missing'
            when not companies.has_custom_numbers then 'document_number_not_custom'
            when length(document_number) > 21 then 'document_number_too_long'
            when taken_by is not null then 'document_number_taken'
            when alike > 1 then 'document_number_twice'
        end as blocked_reason
    from steps_counted
    left join companies on steps_counted.company_id = companies.company_id

),

final as (

    select
        org_id,
        deal_id,
        company_id,
        plan_step,
        document_number,
        blocked_reason,
        case blocked_reason
            when 'mapped_field_unknown'
                then 'deal.' || source_field || ' is not read from Salesforce'
            when 'document_number_missing' then 'The deal''s ' || source_field || ' is empty'
            when 'document_number_not_custom'
                then 'The company does not allow custom transaction numbers'
            when 'document_number_too_long'
                then document_number || ' is longer than the 21 characters of a document number'
            when 'document_number_taken'
                then 'Invoice ' || taken_by || ' has the number ' || document_number
            when 'document_number_twice'
                then alike || ' invoices that are due would have the number ' || document_number
        end as blocked_detail
    from judged_numbers

    union all by name

    select
        *,
        'AUTO_GENERATE' as document_number,
        cast(null as varchar) as blocked_reason,
        cast(null as varchar) as blocked_detail
    from steps_asking

)

select * from final
