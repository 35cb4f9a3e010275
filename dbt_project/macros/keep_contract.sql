{#
  Checks what the yml of a model or seed says of its table (pipeline/build/contracts.py makes SQL of it), in one query, when the
  table has been made (`+post-hook` of dbt_project.yml). A table that breaks a rule fails its model, with each such rule and its
  number of rows, and is not kept. A build that leaves out data tests leaves this out too.

  A rule is SQL for one number over the table, which is 0 where the rule holds, and what that number counts. `limit 1`: rules
  about keys alone are no aggregates, and would say the same number once for each row of the table.
#}
{% macro keep_contract() -%}
    {%- if not execute or 'test' in env_var('DBT_EXCLUDE_RESOURCE_TYPES', '').split() -%}{{ return('') }}{%- endif -%}
    {%- set rules = of_build('rules').get(model.name, []) -%}
    {%- set broken = [] -%}
    {%- if rules -%}
        {%- set query = 'select ' ~ rules | map('first') | join(', ') ~ ' from ' ~ this ~ ' limit 1' -%}
        {%- for found in (adapter.add_query(query, auto_begin=false)[1].fetchall() | first) or [] -%}
            {%- if found -%}{%- do broken.append(rules[loop.index0][1] ~ ' (' ~ found ~ ')') -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if broken -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ' breaks its contract: ' ~ broken | join('; ')) -%}
    {%- endif -%}
{%- endmacro %}
