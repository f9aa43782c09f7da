{#-
    Whether a Salesforce record is deleted: it says so itself, or it left the recycle bin and was
    proved gone. To be used in a model over one raw table, whose columns org_id and id it reads.
-#}
{% macro is_deleted_or_gone(object_name, says_so='coalesce(is_deleted, false)') -%}
    {{ says_so }} or (org_id, id) in (
        select (gone.org_id, gone.id)
        from {{ source('raw_salesforce', 'deletion') }} as gone
        where gone.object = '{{ object_name }}' and not coalesce(gone.undeleted, false)
    )
{%- endmacro %}
