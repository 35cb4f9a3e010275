{#
  The measures of a metric (vars.metrics of dbt_project.yml), each with its fact (vars.metric_facts): part ('numerator' or
  'denominator'), measure, sign, fact.
#}
{% macro metric_terms(metric) -%}
    {%- set terms = [] -%}
    {%- for part in ['numerator', 'denominator'] -%}
        {%- for measure, sign in metric.get(part, {}).items() -%}
            {%- set facts = [] -%}
            {%- for fact in var('metric_facts').values() if measure in fact['measures'] -%}{%- do facts.append(fact) -%}{%- endfor -%}
            {%- if not facts -%}
                {{ exceptions.raise_compiler_error("Unknown measure '" ~ measure ~ "' in vars.metrics of dbt_project.yml.") }}
            {%- endif -%}
            {%- do terms.append({'part': part, 'measure': measure, 'sign': sign, 'fact': facts[0]}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(terms) }}
{%- endmacro %}

{# Months since year 0, so that months can be counted. #}
{% macro month_number(date) -%}
    (cast(extract(year from {{ date }}) as integer) * 12 + cast(extract(month from {{ date }}) as integer))
{%- endmacro %}
