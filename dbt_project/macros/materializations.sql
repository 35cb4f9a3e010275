{#
  How models become tables and views, in one statement, in place of the adapter's own ways, which ask and rename about ten
  times for each model (docs/decisions.md, "How dbt is told"). One transaction. A model may read the table that it replaces.
#}
{% materialization table, adapter='duckdb', supported_languages=['sql', 'python'] %}
    {{ run_hooks(pre_hooks) }}
    {%- do drop_other_kind('table') -%}
    {%- if model.language == 'python' -%}
    {%- call statement('main', language='python') -%}
{{ compiled_code }}


def materialize(relation, connection):
    connection.register("made", relation)
    connection.execute('create or replace table {{ this }} as from made')
    {%- endcall -%}
    {{ return(finished('table')) }}
    {%- endif -%}
    {%- set made = make_intermediate_relation(this.incorporate(type='table')) -%}
    {%- call statement('main') -%}
    {{ create_table_as(false, made, compiled_code) }}
    drop table if exists {{ this }};
    alter table {{ made }} rename to {{ adapter.quote(this.identifier) }};
    {%- endcall -%}
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

{# Drops what has the model's name and was a view, or a table, in an earlier version of the project. #}
{% macro drop_other_kind(kind) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing and existing.type != kind -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
{%- endmacro %}

{# Ends a materialization. The table or view gets its comments. #}
{% macro finished(kind) -%}
    {%- set relation = this.incorporate(type=kind) -%}
    {%- do persist_docs(relation, model) -%}
    {%- do run_hooks(post_hooks) -%}
    {%- do adapter.commit() -%}
    {{ return({'relations': [relation]}) }}
{%- endmacro %}
