{#
  How models become tables and views, in place of the adapter's own ways, which ask and rename about ten times for each
  model: with some hundred models that is a third of a small build. One transaction. A model may read the table that it
  replaces.
#}
{% materialization table, adapter='duckdb' %}
    {{ run_hooks(pre_hooks) }}
    {%- do drop_other_kind('table') -%}
    {%- call statement('main') -%}{{ replace_table() }}{%- endcall -%}
    {{ return(finished('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ run_hooks(pre_hooks) }}
    {%- do drop_other_kind('view') -%}
    {%- call statement('main') -%}
    create or replace view {{ this }} as (
    {{ compiled_code }}
    );
    {%- endcall -%}
    {{ return(finished('view')) }}
{% endmaterialization %}

{#
  In an incremental build, rows of the keys that `meta.changed_in` names are replaced, also by none; in a full build, or
  where there is no table yet, all rows.
#}
{% materialization incremental, adapter='duckdb' %}
    {{ run_hooks(pre_hooks) }}
    {%- do drop_other_kind('table') -%}
    {%- call statement('main') -%}
    {%- if is_increment() -%}
    {{ replace_changed_rows(config.get('unique_key'), ref(config.get('meta')['changed_in'])) }}
    {%- else -%}
    {{ replace_table() }}
    {%- endif -%}
    {%- endcall -%}
    {{ return(finished('table', is_new=not is_increment())) }}
{% endmaterialization %}

{% macro replace_table() -%}
    {%- set made = make_intermediate_relation(this.incorporate(type='table')) -%}
    {{ create_table_as(false, made, compiled_code) }}
    drop table if exists {{ this }};
    alter table {{ made }} rename to {{ adapter.quote(this.identifier) }};
{%- endmacro %}

{% macro replace_changed_rows(key, changed) -%}
    {%- set made = adapter.quote(this.identifier ~ '__new') -%}
    create temporary table {{ made }} as (
    {{ compiled_code }}
    );
    delete from {{ this }} where {{ of_keys(changed, key) }};
    delete from {{ this }} where {{ of_no_key(changed, key) }};
    insert into {{ this }} by name from {{ made }};
    drop table {{ made }};
{%- endmacro %}

{# Drops what has the model's name and was a view, or a table, in an earlier version of the project. #}
{% macro drop_other_kind(kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing and existing.type != kind -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
{%- endmacro %}

{# Ends a materialization. A new table or view gets its comments. #}
{% macro finished(kind, is_new=true) -%}
    {%- set relation = this.incorporate(type=kind) -%}
    {%- if is_new -%}{%- do persist_docs(relation, model) -%}{%- endif -%}
    {%- do run_hooks(post_hooks) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [relation]}) }}
{%- endmacro %}
