{#
  A variable of this build alone, such as its as-of date. It stands in a file that the environment names
  (pipeline/build/dbt.py), and is read when models run: dbt parses the whole project again, for many seconds, when one of its
  variables proper has changed. Where nothing runs, and in unit tests, it is the variable of dbt_project.yml. The file is
  read once for a node: `model` is the node's own copy of what dbt knows of it.
#}
{% macro of_build(name) -%}
    {%- if execute and model.resource_type != 'unit_test' and env_var('CRM_BUILD', '') -%}
        {%- if 'of_build' not in model -%}
            {%- do model.update({'of_build': fromjson(content_of(env_var('CRM_BUILD')))}) -%}
        {%- endif -%}
        {{ return(model.of_build[name] if name in model.of_build else var(name)) }}
    {%- endif -%}
    {{ return(var(name)) }}
{%- endmacro %}

{#
  The text of a file. Not by run_query, which tries every type of agate's on the whole text, for a tenth of a second. Spark would
  start a job for it in each model: dbt's process reads it itself (pipeline/build/spark/adapter.py).
#}
{% macro content_of(path) -%}{{ return(adapter.dispatch('content_of')(path)) }}{%- endmacro %}
{% macro default__content_of(path) -%}
    {%- set query = 'select content from read_text(' ~ dbt.string_literal(dbt.escape_single_quotes(path)) ~ ')' -%}
    {{ return(adapter.add_query(query, auto_begin=false)[1].fetchone()[0]) }}
{%- endmacro %}
{% macro spark__content_of(path) -%}{{ return(adapter.content_of(path)) }}{%- endmacro %}

{#
  Ends a common table expression that several others read and that is long to plan or to make. Spark would put it in the place of
  each reader; it makes what is not deterministic once. DuckDB makes it once by itself.
#}
{% macro read_once() -%}{{ return(adapter.dispatch('read_once')()) }}{%- endmacro %}
{% macro default__read_once() -%}{%- endmacro %}
{% macro spark__read_once() -%}where rand(0) >= 0{%- endmacro %}
