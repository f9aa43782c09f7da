{#- The column that a field of Salesforce is loaded into: PO_Number__c is po_number__c. -#}
{% macro raw_column(field) -%}
    lower(regexp_replace(
        regexp_replace({{ field }}, '([A-Z]+)([A-Z][a-z])', '\1_\2', 'g'),
        '([a-z0-9])([A-Z])', '\1_\2', 'g'
    ))
{%- endmacro %}

{#- Whether a record, as JSON, has such a column at all; and what it holds, as text without blanks
    around it, or null. -#}
{% macro has_field(record, field) -%}
    list_contains(json_keys({{ record }}), {{ raw_column(field) }})
{%- endmacro %}

{% macro field_value(record, field) -%}
    nullif(trim(json_extract_string({{ record }}, '$."' || {{ raw_column(field) }} || '"')), '')
{%- endmacro %}

{#-
    The raw records behind lines of deals, as JSON: one row per line with deal, account, owner, line
    and product. `lines` names org_id, deal_id and line_id (null for a deal as such). Only what the
    `rules` ask for is read; without rules there is no row.
-#}
{% macro records_of(lines, rules) -%}
    select
        asked.org_id,
        asked.deal_id,
        asked.line_id,
        to_json(opportunity) as deal,
        to_json(account) as account,
        to_json(owner) as owner,
        to_json(opportunity_line_item) as line,
        to_json(product2) as product
    from (select distinct org_id, deal_id, line_id from {{ lines }}) as asked
    inner join {{ source('raw_salesforce', 'opportunity') }} as opportunity
        on asked.org_id = opportunity.org_id and asked.deal_id = opportunity.id
    left join {{ source('raw_salesforce', 'account') }} as account
        on opportunity.org_id = account.org_id and opportunity.account_id = account.id
    left join {{ source('raw_salesforce', 'user') }} as owner
        on opportunity.org_id = owner.org_id and opportunity.owner_id = owner.id
    left join {{ source('raw_salesforce', 'opportunity_line_item') }} as opportunity_line_item
        on
            asked.org_id = opportunity_line_item.org_id
            and asked.line_id = opportunity_line_item.id
    left join {{ source('raw_salesforce', 'product2') }} as product2
        on
            opportunity_line_item.org_id = product2.org_id
            and opportunity_line_item.product2_id = product2.id
    where exists (select 1 from {{ rules }})
{%- endmacro %}

{#- The record that a rule speaks of. -#}
{% macro record_of_rule(source_object, records) -%}
    case {{ source_object }}
        when 'deal' then {{ records }}.deal
        when 'account' then {{ records }}.account
        when 'owner' then {{ records }}.owner
        when 'line' then {{ records }}.line
        when 'product' then {{ records }}.product
    end
{%- endmacro %}
