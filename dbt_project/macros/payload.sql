{#-
    QuickBooks payloads are read once into typed columns. `from_json` reads a number's own digits
    into DECIMAL (no double on the way); a member that is absent becomes NULL.
-#}

{% macro sales_document_shape() -%}
    {
        "DocNumber": "VARCHAR", "TxnDate": "DATE", "DueDate": "DATE", "ExpirationDate": "DATE",
        "TxnStatus": "VARCHAR", "AcceptedDate": "DATE",
        "CustomerRef": {"value": "VARCHAR", "name": "VARCHAR"},
        "CurrencyRef": {"value": "VARCHAR"}, "ExchangeRate": "DECIMAL(18,9)",
        "TotalAmt": "DECIMAL(18,2)", "Balance": "DECIMAL(18,2)", "HomeBalance": "DECIMAL(18,2)",
        "RemainingCredit": "DECIMAL(18,2)",
        "TxnTaxDetail": {"TotalTax": "DECIMAL(18,2)", "TxnTaxCodeRef": {"value": "VARCHAR"}},
        "ApplyTaxAfterDiscount": "BOOLEAN",
        "PrivateNote": "VARCHAR", "SalesTermRef": {"value": "VARCHAR"},
        "BillEmail": {"Address": "VARCHAR"}, "EmailStatus": "VARCHAR",
        "DeliveryInfo": {"DeliveryType": "VARCHAR", "DeliveryTime": "VARCHAR"},
        "LinkedTxn": [{"TxnId": "VARCHAR", "TxnType": "VARCHAR"}],
        "CustomField": [{"Name": "VARCHAR", "StringValue": "VARCHAR"}],
        "Line": [{{ sales_line_shape("GroupLineDetail") }}]
    }
{%- endmacro %}

{% macro sales_line_shape(group=none) -%}
    {
        "Id": "VARCHAR", "LineNum": "INTEGER", "Description": "VARCHAR",
        "Amount": "DECIMAL(18,2)", "DetailType": "VARCHAR",
        "SalesItemLineDetail": {
            "ItemRef": {"value": "VARCHAR"}, "Qty": "DECIMAL(28,10)",
            "UnitPrice": "DECIMAL(28,10)", "TaxCodeRef": {"value": "VARCHAR"}, "ServiceDate": "DATE"
        }
        {%- if group -%}
        , "{{ group }}": {
            "GroupItemRef": {"value": "VARCHAR"}, "Quantity": "DECIMAL(28,10)",
            "Line": [{{ sales_line_shape() }}]
        }
        {%- endif -%}
    }
{%- endmacro %}

{#- The value of a custom field, found by the name people see. -#}
{% macro custom_field(fields, name) -%}
    nullif(trim(
        list_filter({{ fields }}, lambda field: field."Name" = '{{ name }}')[1]."StringValue"
    ), '')
{%- endmacro %}

{#- A document is void when its total is zero and the vendor put "Voided" before its note. -#}
{% macro is_voided(total, note) -%}
    ({{ total }} = 0 and coalesce(starts_with({{ note }}, 'Voided'), false))
{%- endmacro %}

{#-
    Deleted in the vendor's books, proved by the change feed or by a sweep of ids. A record that was
    changed after its deletion has come back.
-#}
{% macro deletions_of(entity, table) -%}
    select
        deletion.company_id,
        deletion.id,
        max(deletion.deleted_at) as deleted_at
    from {{ source('raw_quickbooks', 'deletion') }} as deletion
    where
        deletion.entity = '{{ entity }}'
        and not exists (
            select 1 from {{ source('raw_quickbooks', table) }} as back
            where
                back.company_id = deletion.company_id
                and back.id = deletion.id
                and back.last_updated_at > deletion.deleted_at
        )
    group by all
{%- endmacro %}
