-- Grain: one row per metric. Generated from vars.metrics of dbt_project.yml.
{%- for name, metric in var('metrics').items() %}
{%- set facts = [] %}
{%- for part, measure, sign in metric_terms(metric) %}
{%- set fact = var('metric_facts')[fact_of_measure(measure)] %}
{%- do facts.append(fact['table'] ~ ' by ' ~ fact['date']) %}
{%- endfor %}
{%- set lacking = metric_lacks(metric) %}
{%- set denominator = "'" ~ metric_formula(metric, 'denominator') ~ "'" %}
{%- set reason = "'no active source provides " ~ lacking ~ "'" %}
{%- set nothing = 'cast(null as ' ~ contract_type('text') ~ ')' %}
select
    '{{ name }}' as metric,
    '{{ metric["definition"] | replace("'", "''") }}' as definition,
    '{{ metric_formula(metric, "numerator") }}' as numerator_formula,
    {{ denominator if metric.get('denominator') else nothing }} as denominator_formula,
    '{{ facts | unique | join(", ") }}' as facts,
    '{{ metric_dimensions(metric) | join(", ") }}' as dimensions,
    '{{ metric["unit"] }}' as unit,
    '{{ metric["owner"] }}' as owner,
    '{{ metric["source"] }}' as source,
    {{ reason if lacking else nothing }} as unavailable_reason,
    cast({{ metric['digits'] }} as bigint) as digits,
    cast({{ metric.get('history_months', 0) }} as bigint) as history_months,
    cast({{ metric.get('scale', 1) }} as bigint) as scale
{{ 'union all' if not loop.last }}
{%- endfor %}
