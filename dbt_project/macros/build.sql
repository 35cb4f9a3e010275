{#
  A variable of this build alone, such as its as-of date. It comes in the environment (pipeline/dbt.py) and is read when
  models run: dbt parses the whole project anew, for many seconds, when one of its variables proper has changed. Where
  nothing runs, and in unit tests, it is the variable of dbt_project.yml.
#}
{% macro of_build(name) -%}
    {%- if execute and model.resource_type != 'unit_test' -%}
        {%- set parts = [] -%}
        {%- for number in range(env_var('CRM_BUILD_PARTS', '0') | int) -%}
            {%- do parts.append(env_var('CRM_BUILD_' ~ number)) -%}
        {%- endfor -%}
        {{ return(fromjson(parts | join or '{}').get(name, var(name))) }}
    {%- endif -%}
    {{ return(var(name)) }}
{%- endmacro %}
