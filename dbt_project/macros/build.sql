{#
  A variable of this build alone, such as its as-of date. It stands in a file that the environment names
  (pipeline/dbt.py), and is read when models run: dbt parses the whole project again, for many seconds, when one of its
  variables proper has changed. Where nothing runs, and in unit tests, it is the variable of dbt_project.yml.
#}
{% macro of_build(name) -%}
    {%- if execute and model.resource_type != 'unit_test' and env_var('CRM_BUILD', '') -%}
        {%- set content = 'read_text(' ~ dbt.string_literal(dbt.escape_single_quotes(env_var('CRM_BUILD'))) ~ ')' -%}
        {#- An object of one key: a bare value would be taken for a number or a date. -#}
        {%- set query = "select '{\"value\": ' || json_extract(content, '$." ~ name ~ "') || '}' from " ~ content -%}
        {%- set text = run_query(query).columns[0].values()[0] -%}
        {{ return(fromjson(text).value if text else var(name)) }}
    {%- endif -%}
    {{ return(var(name)) }}
{%- endmacro %}
