-- What each invoice that is due says beside customer, amounts and terms: class, location, custom
-- fields, number and exchange rate; with the first reason why it cannot say that, or cannot show a
-- discount as the company wants it. One row per step.
with

steps as (

    select * from {{ ref('int_billing_plan__unbilled') }}
    where company_id is not null

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

ruled as (

    select * from {{ ref('int_invoices__ruled') }}

),

numbered as (

    select * from {{ ref('int_invoices__numbered') }}

),

rated as (

    select * from {{ ref('int_invoices__rated') }}

),

known_fields as (

    select * from {{ ref('stg_quickbooks__custom_fields') }}

),

discounts as (

    select * from {{ ref('int_discounts__ruled') }}

),

deal_discounts as (

    select * from {{ ref('int_deals__discounted') }}

),

lines_discounted as (

    select distinct
        org_id,
        deal_id
    from {{ judged(ref('stg_salesforce__opportunity_lines')) }}
    where not is_deleted and discount_percent > 0

),

-- Deals with a discount that their company has to show: the deal's own, or one of a line where it
-- does not stand in the price.
deals_discounted as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        coalesce(deal_discounts.blocked_reason, discounts.blocked_reason) as blocked_reason,
        case
            when deal_discounts.blocked_reason is not null then deal_discounts.blocked_detail
            else discounts.blocked_detail
        end as blocked_detail
    from steps
    left join discounts on steps.company_id = discounts.company_id
    left join deal_discounts
        on steps.org_id = deal_discounts.org_id and steps.deal_id = deal_discounts.deal_id
    left join lines_discounted
        on steps.org_id = lines_discounted.org_id and steps.deal_id = lines_discounted.deal_id
    where
        deal_discounts.deal_id is not null
        or (lines_discounted.deal_id is not null and discounts.shown_as != 'deal')

),

deals_ruled as (

    select
        ruled.org_id,
        ruled.deal_id,
        min(ruled.remote_id) filter (where ruled.target = 'class') as class_id,
        min(ruled.remote_name) filter (where ruled.target = 'class') as class_name,
        count(distinct coalesce(ruled.remote_id, ''))
        filter (where ruled.target = 'class') as classes,
        string_agg(distinct ruled.remote_name, ', ' order by ruled.remote_name)
        filter (where ruled.target = 'class') as class_names,
        count(*) filter (where ruled.target = 'class') as lines_with_class,
        min(ruled.remote_id) filter (where ruled.target = 'location') as location_id,
        min(ruled.remote_name) filter (where ruled.target = 'location') as location_name,
        min_by(ruled.blocked_reason, ruled.target || coalesce(ruled.field_name, ''))
        filter (where ruled.blocked_reason is not null) as blocked_reason,
        min_by(ruled.blocked_detail, ruled.target || coalesce(ruled.field_name, ''))
        filter (where ruled.blocked_reason is not null) as blocked_detail
    from ruled
    group by ruled.org_id, ruled.deal_id

),

-- The deal and its PO number are written wherever a company has a field of that name, unless the
-- mapping says otherwise; `field_rank` is their order on the form.
fields as (

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        known_fields.definition_id,
        known_fields.field_name,
        case known_fields.field_name
            when 'Salesforce Deal' then steps.deal_id || '/' || steps.plan_step
            else steps.po_number
        end as value,
        case known_fields.field_name when 'Salesforce Deal' then 1 else 2 end as field_rank
    from steps
    inner join known_fields on steps.company_id = known_fields.company_id
    where
        known_fields.field_name in ('Salesforce Deal', 'PO Number')
        and not exists (
            select 1 from ruled
            where
                ruled.org_id = steps.org_id
                and ruled.deal_id = steps.deal_id
                and ruled.remote_id = known_fields.definition_id
                and ruled.target = 'custom_field'
        )

    union all by name

    select
        steps.org_id,
        steps.deal_id,
        steps.plan_step,
        ruled.remote_id as definition_id,
        ruled.field_name,
        ruled.value,
        3 as field_rank
    from steps
    inner join ruled on steps.org_id = ruled.org_id and steps.deal_id = ruled.deal_id
    where ruled.target = 'custom_field' and ruled.blocked_reason is null

),

fields_listed as (

    select
        org_id,
        deal_id,
        plan_step,
        cast(to_json(list(
            {
                'DefinitionId': definition_id, 'Name': field_name, 'Type': 'StringType',
                'StringValue': value
            }
            order by field_rank, field_name
        )) as varchar) as custom_fields,
        min(field_name || ' holds 31 characters and not ' || value)
        filter (where length(value) > 31) as too_long
    from fields
    where value is not null
    group by org_id, deal_id, plan_step

),

joined as (

    select
        steps.org_id,
        steps.deal_id,
        steps.company_id,
        steps.plan_step,
        companies.has_class_per_line,
        deals_ruled.class_id,
        deals_ruled.class_name,
        deals_ruled.location_id,
        deals_ruled.location_name,
        fields_listed.custom_fields,
        numbered.document_number,
        rated.exchange_rate,
        not companies.has_class_per_line
        and (
            deals_ruled.classes > 1
            or deals_ruled.lines_with_class not in (0, steps.line_count)
        ) as is_class_unclear,
        coalesce(
            deals_ruled.blocked_reason,
            case when fields_listed.too_long is not null then 'custom_field_too_long' end,
            deals_discounted.blocked_reason,
            rated.blocked_reason,
            numbered.blocked_reason
        ) as blocked_reason,
        case
            when deals_ruled.blocked_reason is not null then deals_ruled.blocked_detail
            when fields_listed.too_long is not null then fields_listed.too_long
            when deals_discounted.blocked_reason is not null then deals_discounted.blocked_detail
            when rated.blocked_reason is not null then rated.blocked_detail
            else numbered.blocked_detail
        end as blocked_detail,
        deals_ruled.class_names
    from steps
    left join companies on steps.company_id = companies.company_id
    left join deals_discounted
        on
            steps.org_id = deals_discounted.org_id
            and steps.deal_id = deals_discounted.deal_id
            and steps.plan_step = deals_discounted.plan_step
    left join deals_ruled
        on steps.org_id = deals_ruled.org_id and steps.deal_id = deals_ruled.deal_id
    left join fields_listed
        on
            steps.org_id = fields_listed.org_id
            and steps.deal_id = fields_listed.deal_id
            and steps.plan_step = fields_listed.plan_step
    left join numbered
        on
            steps.org_id = numbered.org_id
            and steps.deal_id = numbered.deal_id
            and steps.plan_step = numbered.plan_step
    left join rated
        on
            steps.org_id = rated.org_id
            and steps.company_id = rated.company_id
            and steps.currency_code = rated.currency_code

),

final as (

    select
        org_id,
        deal_id,
        company_id,
        plan_step,
        case when not coalesce(has_class_per_line, false) then class_id end as class_id,
        case when not coalesce(has_class_per_line, false) then class_name end as class_name,
        location_id,
        location_name,
        custom_fields,
        document_number,
        exchange_rate,
        case
            when blocked_reason is not null then blocked_reason
            when is_class_unclear then 'class_unclear'
        end as blocked_reason,
        case
            when blocked_reason is not null then blocked_detail
            when is_class_unclear
                then
                    'The company wants one class for the whole invoice; its lines have '
                    || class_names
        end as blocked_detail
    from joined

)

select * from final
