-- Grain: one row per metric. Generated from vars.metrics of dbt_project.yml.
-- A metric has the dimensions that all of its measures have. It lacks an entity that no active source provides, unless
-- an optional fact, which counts as zero in a sum, needs it.
-- noqa: disable=LT02,LT05
{%- set text = contract_type('text') %}
{%- for name, metric in var('metrics').items() %}
{%- set formulas = {'numerator': [], 'denominator': []} %}
{%- set facts = [] %}
{%- set lacking = [] %}
{%- set shared = namespace(dimensions=none) %}
{%- for term in metric_terms(metric) %}
    {%- set operator = '- ' if term.sign < 0 else ('+ ' if formulas[term.part] else '') %}
    {%- do formulas[term.part].append(operator ~ with_measures(term.fact['measures'][term.measure], term.fact['table'])) %}
    {%- do facts.append(term.fact['table'] ~ ' by ' ~ term.fact['date']) %}
    {%- if not var('providers').get(term.fact['entity']) and (loop.first or not term.fact.get('optional')) %}
        {%- do lacking.append(term.fact['entity']) %}
    {%- endif %}
    {%- set dimensions = term.fact['dimensions'] %}
    {%- set shared.dimensions = dimensions if loop.first else shared.dimensions | select('in', dimensions) | list %}
{%- endfor %}
{%- set numerator = formulas.numerator | join(' ') | replace('{as_of}', 'as_of_date') %}
{%- set denominator = formulas.denominator | join(' ') | replace('{as_of}', 'as_of_date') %}
select
    '{{ name }}' as metric,
    '{{ metric["definition"] | replace("'", "''") }}' as definition,
    '{{ numerator | replace("'", "''") }}' as numerator_formula,
    cast(nullif('{{ denominator | replace("'", "''") }}', '') as {{ text }}) as denominator_formula,
    '{{ facts | unique | join(", ") }}' as facts,
    '{{ (["all"] + shared.dimensions) | join(", ") }}' as dimensions,
    '{{ metric["unit"] }}' as unit,
    '{{ metric["owner"] }}' as owner,
    '{{ metric["source"] }}' as source,
    cast({{ "'no active source provides " ~ lacking[0] ~ "'" if lacking else 'null' }} as {{ text }}) as unavailable_reason,
    cast({{ metric['digits'] }} as bigint) as digits,
    cast({{ metric.get('history_months', 0) }} as bigint) as history_months,
    cast({{ metric.get('scale', 1) }} as bigint) as scale
{{ 'union all' if not loop.last }}
{%- endfor %}
