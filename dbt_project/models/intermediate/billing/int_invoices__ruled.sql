-- What the mapping (seed invoice_fields) says of each invoice that is due: of every target the
-- value of the first row that fits, as the company knows it, or why that cannot be written. One row
-- per deal and target; a class has one per line, for the company may want it there.
with

-- What was billed by hand before the go-live says nothing of ours, and there may be much of it.
deals as (

    select distinct
        steps.org_id,
        steps.deal_id,
        steps.company_id
    from {{ ref('int_billing_plan__unbilled') }} as steps
    inner join {{ ref('invoice_fields') }} as rules
        on coalesce(rules.company_id, steps.company_id) = steps.company_id
    where
        steps.company_id is not null
        and steps.step_blocked_reason is distinct from 'before_go_live'

),

lines as (

    select
        deals.org_id,
        deals.deal_id,
        deals.company_id,
        lines.line_id
    from deals
    inner join {{ judged(ref('stg_salesforce__opportunity_lines')) }} as lines
        on deals.org_id = lines.org_id and deals.deal_id = lines.deal_id
    where not lines.is_deleted

),

rules as (

    select * from {{ ref('invoice_fields') }}

),

classes as (

    select * from {{ ref('stg_quickbooks__classes') }}

),

locations as (

    select * from {{ ref('stg_quickbooks__locations') }}

),

custom_fields as (

    select * from {{ ref('stg_quickbooks__custom_fields') }}

),

companies as (

    select * from {{ ref('stg_quickbooks__companies') }}

),

asked as (

    select
        org_id,
        deal_id,
        company_id,
        line_id,
        true as is_of_line
    from lines
    union all by name
    select
        org_id,
        deal_id,
        company_id,
        cast(null as varchar) as line_id,
        false as is_of_line
    from deals

),

records as (

    {{ records_of('asked', 'rules') }}

),

asked_ruled as (

    select
        asked.org_id,
        asked.deal_id,
        asked.company_id,
        asked.line_id,
        rules.priority,
        rules.target,
        rules.field_name,
        rules.source_object,
        rules.source_field,
        rules.source_value,
        rules.value as ruled_value,
        coalesce(rules.is_required, false) as is_required,
        {{ has_field(record_of_rule('rules.source_object', 'records'), 'rules.source_field') }}
            as is_field_known,
        {{ field_value(record_of_rule('rules.source_object', 'records'), 'rules.source_field') }}
            as own_value
    from asked
    inner join rules
        on
            coalesce(rules.company_id, asked.company_id) = asked.company_id
            and (rules.target = 'class') = asked.is_of_line
    inner join records
        on
            asked.org_id = records.org_id
            and asked.deal_id = records.deal_id
            and asked.line_id is not distinct from records.line_id

),

judged_rules as (

    select
        *,
        not coalesce(is_field_known, true)
        or (
            own_value is not null
            and (source_value is null or lower(own_value) = lower(source_value))
        ) as is_fitting,
        bool_or(is_required) over target_of_line as is_target_required
    from asked_ruled
    window target_of_line as (partition by org_id, deal_id, line_id, target, field_name)

),

chosen as (

    select
        *,
        case
            when is_fitting and coalesce(is_field_known, true)
                then coalesce(ruled_value, own_value)
        end as value
    from judged_rules
    where is_fitting or is_target_required
    qualify row_number() over (
        partition by org_id, deal_id, line_id, target, field_name
        order by is_fitting desc, priority, source_value nulls last
    ) = 1

),

resolved as (

    select
        chosen.*,
        coalesce(companies.has_class_per_line or companies.has_class_per_invoice, false)
            as has_classes,
        coalesce(companies.has_locations, false) as has_locations,
        coalesce(classes.class_id, locations.location_id, custom_fields.definition_id) as remote_id,
        coalesce(classes.class_name, locations.location_name) as remote_name,
        coalesce(classes.is_active, locations.is_active, true) as is_active
    from chosen
    left join companies on chosen.company_id = companies.company_id
    left join classes
        on
            chosen.target = 'class'
            and chosen.company_id = classes.company_id
            and lower(chosen.value) = lower(classes.class_name)
    left join locations
        on
            chosen.target = 'location'
            and chosen.company_id = locations.company_id
            and lower(chosen.value) = lower(locations.location_name)
    left join custom_fields
        on
            chosen.target = 'custom_field'
            and chosen.company_id = custom_fields.company_id
            and lower(chosen.field_name) = lower(custom_fields.field_name)
    qualify row_number() over (
        partition by chosen.org_id, chosen.deal_id, chosen.line_id, chosen.target, chosen.field_name
        order by coalesce(classes.is_active, locations.is_active, true) desc, remote_id
    ) = 1

),

final as (

    select
        org_id,
        deal_id,
        company_id,
        line_id,
        target,
        field_name,
        value,
        remote_id,
        remote_name,
        case
            when not coalesce(is_field_known, true) then 'mapped_field_unknown'
            when value is null then 'mapped_value_missing'
            when target = 'class' and not has_classes then 'class_not_tracked'
            when target = 'location' and not has_locations then 'location_not_tracked'
            when target = 'class' and remote_id is null then 'class_unknown'
            when target = 'location' and remote_id is null then 'location_unknown'
            when target = 'custom_field' and remote_id is null then 'custom_field_unknown'
            when not is_active and target = 'class' then 'class_inactive'
            when not is_active then 'location_inactive'
            when target = 'custom_field' and length(value) > 31 then 'custom_field_too_long'
        end as blocked_reason,
        case
            when not coalesce(is_field_known, true)
                then source_object || '.' || source_field || ' is not read from Salesforce'
            when value is null
                then
                    'No row of invoice_fields gives a value for '
                    || coalesce(field_name, target) || ', which is required'
            when target = 'custom_field' and remote_id is null
                then 'The company has no custom field ' || field_name || ' on its sales forms'
            when target = 'custom_field'
                then field_name || ' holds 31 characters and not ' || value
            when target = 'class' and not has_classes
                then 'The company does not track classes; the mapping wants ' || value
            when target = 'location' and not has_locations
                then 'The company does not track locations; the mapping wants ' || value
            when remote_id is null
                then 'The company has no ' || target || ' ' || value
            when not is_active
                then 'The ' || target || ' ' || remote_name || ' is not active'
        end as blocked_detail
    from resolved

)

select * from final
