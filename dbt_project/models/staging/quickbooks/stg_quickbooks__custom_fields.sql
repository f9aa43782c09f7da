-- The custom fields of sales forms that a company uses: their names are members called
-- SalesFormsPrefs.SalesCustomName<n>, where n is the DefinitionId.
with

raw_preferences as (
    select
        company_id,
        from_json(payload, '{
            "SalesFormsPrefs": {
                "CustomField": [{"CustomField": [
                    {"Name": "VARCHAR", "StringValue": "VARCHAR", "BooleanValue": "BOOLEAN"}
                ]}]
            }
        }') as doc
    from {{ source('raw_quickbooks', 'preferences') }}
),

groups as (
    select
        company_id,
        unnest(doc."SalesFormsPrefs"."CustomField") as members
    from raw_preferences
),

members as (
    select
        company_id,
        unnest(members."CustomField") as member
    from groups
),

switched_off as (
    select
        company_id,
        replace(member."Name", 'SalesFormsPrefs.UseSalesCustom', '') as definition_id
    from members
    where
        starts_with(member."Name", 'SalesFormsPrefs.UseSalesCustom')
        and member."BooleanValue" = false
)

select
    members.company_id,
    replace(members.member."Name", 'SalesFormsPrefs.SalesCustomName', '') as definition_id,
    trim(members.member."StringValue") as field_name
from members
left join switched_off
    on
        members.company_id = switched_off.company_id
        and replace(members.member."Name", 'SalesFormsPrefs.SalesCustomName', '')
        = switched_off.definition_id
where
    starts_with(members.member."Name", 'SalesFormsPrefs.SalesCustomName')
    and trim(members.member."StringValue") != ''
    and switched_off.definition_id is null
