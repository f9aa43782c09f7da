{#
  Tables and views in one statement each. DuckDB replaces atomically, so the detour over a second
  relation and two renames, which costs more than most of our queries, is not needed. A contract is
  checked before the table is touched.
#}
{% materialization table, adapter='duckdb', supported_languages=['sql'] -%}
    {{ return(crossfoot_replace(this.incorporate(type='table'))) }}
{%- endmaterialization %}

{% materialization view, adapter='duckdb', supported_languages=['sql'] -%}
    {{ return(crossfoot_replace(this.incorporate(type='view'))) }}
{%- endmaterialization %}

{% macro crossfoot_replace(target) -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if existing is not none and existing.type != target.type -%}
        {{ drop_relation_if_exists(existing) }}
    {%- endif -%}
    {%- call statement('main') -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            create or replace {{ target.type }} {{ target }} as (
                {{ get_select_subquery(compiled_code) }}
            )
        {%- else -%}
            create or replace {{ target.type }} {{ target }} as (
                {{ compiled_code }}
            )
        {%- endif -%}
    {%- endcall -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{%- endmacro %}
