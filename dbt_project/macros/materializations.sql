{#
  How models become tables and views, in one statement, in place of the adapter's own ways, which ask and rename about ten
  times for each model (docs/decisions.md, "How dbt is told"). On DuckDB, in one transaction, and a model may read the table
  that it replaces. On Spark a table is a folder of Parquet files under CRM_HOME, and every build is full; what a killed
  one of the same inputs has made is kept.
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

{% materialization table, adapter='spark', supported_languages=['sql', 'python'] %}
    {%- if model.language != 'python' or is_kept() -%}{{ return(made_on_spark()) }}{%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main', language='python') -%}{{ compiled_code }}{%- endcall -%}
    {%- call statement('register') -%}create table {{ this }} using parquet location {{ place_of(this) }}{%- endcall -%}
    {%- do run_hooks(post_hooks) -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{% materialization incremental, adapter='spark' %}
    {{ return(made_on_spark()) }}
{% endmaterialization %}

{# A table that a killed build of the same inputs has made is kept, and keeps its contract too. #}
{% macro made_on_spark() -%}
    {{ run_hooks(pre_hooks) }}
    {%- if is_kept() -%}
    {%- do store_result('main', response='KEPT') -%}
    {%- else -%}
    {%- set typed = in_contract_types(compiled_code) if config.get('contract').enforced else compiled_code -%}
    {%- call statement('main') -%}
    create table {{ this }} using parquet location {{ place_of(this) }} as
    {{ typed }}
    {%- endcall -%}
    {%- endif -%}
    {%- do run_hooks(post_hooks) -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmacro %}

{# Whether the process has found the table when it began (pipeline/build/spark/session.py). #}
{% macro is_kept() -%}{{ return(load_cached_relation(this) is not none) }}{%- endmacro %}

{# Views end with the catalog of the process. A later one reads no staging, which alone is not kept. #}
{% materialization view, adapter='spark' %}
    {%- if model.fqn[1] != 'staging' -%}{{ return(made_on_spark()) }}{%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
    create or replace view {{ this }} as
    {{ compiled_code }}
    {%- endcall -%}
    {%- do run_hooks(post_hooks) -%}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{% endmaterialization %}

{# A seed is read from its file: dbt would write each value into a statement. #}
{% materialization seed, adapter='spark' %}
    {%- set read = load_agate_table() -%}
    {%- do store_result('agate_table', response='OK', agate_table=read) -%}
    {%- if is_kept() -%}{{ return(made_on_spark()) }}{%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- set names = read.column_names -%}
    {%- set types = config.get('column_types', {}) -%}
    {%- set file = text_literal(model.root_path ~ '/' ~ model.original_file_path) -%}
    {%- call statement('file') -%}
    create or replace temporary view {{ 'seed_' ~ this.identifier }}
        ({% for name in names %}{{ quoted(name) }} string{{ ', ' if not loop.last }}{% endfor %})
        using csv options (path {{ file }}, header 'true', escape '"', multiLine 'true')
    {%- endcall -%}
    {%- call statement('main') -%}
    create table {{ this }} using parquet location {{ place_of(this) }} as
    select
        {%- for name in names %}
        cast({{ quoted(name) }} as {{ spark_type(types.get(name, 'text')) }}) as {{ quoted(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ 'seed_' ~ this.identifier }}
    {%- endcall -%}
    {%- do run_hooks(post_hooks) -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{# The folder of a table, under CRM_HOME (pipeline/build/spark/session.py). #}
{% macro place_of(relation) -%}
    {%- set schema = relation.schema.removeprefix(env_var('CRM_SCHEMA_PREFIX', '')) -%}
    {{ return(text_literal([env_var('CRM_HOME', 'var'), 'warehouse', schema, relation.identifier] | join('/'))) }}
{%- endmacro %}

{# The own folder of a schema stays empty: each table says where it is. A schema that is dropped takes its folder with it. #}
{% macro spark__create_schema(relation) -%}
    {%- set place = [env_var('CRM_HOME', 'var'), 'dbt', 'spark', relation.schema] | join('/') -%}
    {%- call statement('create_schema') -%}
    create schema if not exists {{ relation.without_identifier() }} location {{ text_literal(place) }}
    {%- endcall -%}
{%- endmacro %}

{#
  A query with the columns and types that the yml of its model has. DuckDB's table is made so too, and its type of a sum or of
  a part of a date is not Spark's. A column that the query lacks is an error; one that the yml lacks is an error of DuckDB's
  build: to ask Spark for it would be to analyse the query twice.
#}
{% macro in_contract_types(query) -%}
    {%- set named = model.columns.keys() | list -%}
    select
        {%- for name in named %}
        cast({{ quoted(name) }} as {{ spark_type(model.columns[name].data_type) }}) as {{ quoted(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
    {{ query }}
    ) as made
{%- endmacro %}

{% macro spark_type(name) -%}
    {{ return({'text': 'string', 'varchar': 'string', 'int': 'int', 'integer': 'int'}.get(name, name)) }}
{%- endmacro %}
