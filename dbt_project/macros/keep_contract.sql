{#
  Checks what the yml of a model or seed says of its table in `config.meta` (pipeline/base/catalog.py), in one query, when the
  table has been made (`+post-hook` of dbt_project.yml). A table that breaks a rule fails its model, with each such rule and its
  number of rows, and is not kept. The gate checks what reaches beyond a table: keys of published tables, relations, and totals
  with an account (expectations/README.md). A build that leaves out data tests leaves this out too.

  A rule is SQL for one number over the table, which is 0 where the rule holds, and what that number counts. `limit 1`: rules
  about keys alone are no aggregates, and would say the same number once for each row of the table.
#}
{% macro keep_contract() -%}
    {%- if not execute or 'test' in env_var('DBT_EXCLUDE_RESOURCE_TYPES', '').split() -%}{{ return('') }}{%- endif -%}
    {%- set contract = model.config.meta -%}
    {%- set rules = [] -%}

    {%- if model.schema not in ['core', 'marts', 'ops'] -%}
        {%- for key in [contract.get('grain', [])] + contract.get('unique', []) if key -%}
            {%- set bad_keys = 'select ' ~ key | join(', ') ~ ' from ' ~ this ~ ' group by ' ~ key | join(', ')
                ~ ' having count(*) > 1 or ' ~ key | join(' is null or ') ~ ' is null' -%}
            {%- do rules.append([
                '(select count(*) from (' ~ bad_keys ~ ') as bad_keys)',
                'keys that are null or there twice, ' ~ key | join(', '),
            ]) -%}
        {%- endfor -%}
    {%- endif -%}

    {#- What must hold in each row; null does not hold. -#}
    {%- set conditions = [] -%}
    {%- for column in contract.get('required', []) -%}
        {%- do conditions.append([column ~ ' is not null', 'rows without ' ~ column]) -%}
    {%- endfor -%}
    {%- for column, values in contract.get('values', {}).items() -%}
        {%- do conditions.append([
            column ~ ' is null or ' ~ column ~ ' in (' ~ text_list(values) ~ ')',
            'rows in which ' ~ column ~ ' is none of ' ~ values | join(', '),
        ]) -%}
    {%- endfor -%}
    {%- for identity in contract.get('identities', []) -%}
        {%- do conditions.append([identity, 'rows in which this does not hold, ' ~ identity]) -%}
    {%- endfor -%}
    {%- for condition, counted in conditions -%}
        {%- do rules.append(['coalesce(sum(case when coalesce(' ~ condition ~ ', false) then 0 else 1 end), 0)', counted]) -%}
    {%- endfor -%}

    {#- A total must equal sums over models that this one is made from, so that they are there before it. -#}
    {%- for total in contract.get('totals', []) if not total.get('account') -%}
        {%- set sums = [sum_of(total['total'], this)] -%}
        {%- for name, expression in total['equals'].items() -%}
            {%- set other = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
            {%- set table = api.Relation.create(database=other.database, schema=other.schema, identifier=other.alias) -%}
            {%- set known = by_as_of(other.config.meta['date']) if total.get('as_of') else 'true' -%}
            {%- do sums.append(sum_of(with_measures(expression, name), table, known)) -%}
        {%- endfor -%}
        {%- set other = total['equals'] | join(', ') -%}
        {%- do rules.append([sums | join(' - '), 'total of ' ~ total['total'] ~ ' less that of ' ~ other]) -%}
    {%- endfor -%}

    {%- if rules -%}
    {%- call statement('contract', fetch_result=True) -%}
    select
        {%- for sql, _ in rules %}
        {{ sql }} as rule_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ this }}
    limit 1
    {%- endcall -%}
    {%- set broken = [] -%}
    {%- for found in load_result('contract').data[0] -%}
        {%- if found -%}{%- do broken.append(rules[loop.index0][1] ~ ' (' ~ found ~ ')') -%}{%- endif -%}
    {%- endfor -%}
    {%- if broken -%}
        {%- do exceptions.raise_compiler_error(model.name ~ ' breaks its contract: ' ~ broken | join('; ')) -%}
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The sum of an expression, which may end in `where` and a condition. #}
{% macro sum_of(expression, table, condition='true') -%}
    {%- set parts = expression.rpartition(' where ') -%}
    {%- set summed = parts[0] or parts[2] -%}
    {%- set own = parts[2] if parts[0] else 'true' -%}
    (select coalesce(sum({{ summed }}), 0) from {{ table }} where ({{ own }}) and {{ condition }})
{%- endmacro %}
