{# What the metrics of dbt_project.yml (vars metric_facts, metrics) say, in the forms that the models need. #}

{# Name of the fact that has a measure. #}
{% macro fact_of_measure(measure) -%}
    {%- for name, fact in var('metric_facts').items() if measure in fact['measures'] -%}
        {{ return(name) }}
    {%- endfor -%}
    {{ exceptions.raise_compiler_error("Unknown measure '" ~ measure ~ "' in vars.metrics of dbt_project.yml.") }}
{%- endmacro %}

{# Measures of a metric: [part, measure, sign]. #}
{% macro metric_terms(metric) -%}
    {%- set terms = [] -%}
    {%- for part in ['numerator', 'denominator'] -%}
        {%- for measure, sign in metric.get(part, {}).items() -%}
            {%- do terms.append([part, measure, sign]) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(terms) }}
{%- endmacro %}

{# The dimensions that all measures of a metric have, after 'all'. #}
{% macro metric_dimensions(metric) -%}
    {%- set shared = namespace(names=none) -%}
    {%- for part, measure, sign in metric_terms(metric) -%}
        {%- set names = var('metric_facts')[fact_of_measure(measure)]['dimensions'].keys() | list -%}
        {%- set shared.names = names if shared.names is none else shared.names | select('in', names) | list -%}
    {%- endfor -%}
    {{ return(['all'] + shared.names) }}
{%- endmacro %}

{# The entity that a metric needs and no active source provides, or none. An optional fact counts as zero in a sum. #}
{% macro metric_lacks(metric) -%}
    {%- for part, measure, sign in metric_terms(metric) -%}
        {%- set fact = var('metric_facts')[fact_of_measure(measure)] -%}
        {%- set entity = fact['entity'] -%}
        {%- if not var('providers').get(entity) and (loop.first or not fact.get('optional')) -%}
            {{ return(entity) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}

{# A metric's formula as text, over its measures' SQL. #}
{% macro metric_formula(metric, part) -%}
    {%- set texts = [] -%}
    {%- for found, measure, sign in metric_terms(metric) if found == part -%}
        {%- set sql = var('metric_facts')[fact_of_measure(measure)]['measures'][measure] -%}
        {%- do texts.append(('- ' if sign < 0 else ('+ ' if not loop.first else '')) ~ sql) -%}
    {%- endfor -%}
    {{ return(texts | join(' ') | replace("'", "''") | replace('{as_of}', 'as_of_date')) }}
{%- endmacro %}

{# Months since year 0, so that months can be counted. #}
{% macro month_number(date) -%}
    (cast(extract(year from {{ date }}) as integer) * 12 + cast(extract(month from {{ date }}) as integer))
{%- endmacro %}

{# Months whose net revenue differs from that of fct_customer_month, less what was not known on the as-of date. #}
{% test agrees_with_customer_months(model) %}
with booked as (
    select
        month_start_date,
        net_revenue as amount
    from {{ ref('fct_customer_month') }}
    union all
    select
        cast(date_trunc('month', order_date) as date) as month_start_date,
        -net_sales as amount
    from {{ ref('fct_order') }}
    where not ({{ by_as_of('order_date') }})
    union all
    select
        cast(date_trunc('month', return_date) as date) as month_start_date,
        refund_amount as amount
    from {{ ref('fct_return') }}
    where is_sale and not ({{ by_as_of('return_date') }})
),

expected as (
    select
        month_start_date,
        sum(amount) as amount
    from booked
    group by month_start_date
),

found as (
    select
        month_start_date,
        value as amount
    from {{ model }}
    where metric = 'net_revenue' and dimension = 'all'
)

select
    month_start_date,
    expected.amount as expected,
    found.amount as found
from expected
full join found using (month_start_date)
where coalesce(expected.amount, 0) <> coalesce(found.amount, 0)
{% endtest %}

{# Months whose active customers are not those of the month before, plus new and reactivated ones, less churned ones. #}
{% test customers_flow(model) %}
with flows as (
    select
        month_start_date,
        max(case when metric = 'active_customers' then value end) as active,
        max(case when metric = 'new_customers' then value end) as joined,
        max(case when metric = 'reactivated_customers' then value end) as returned,
        max(case when metric = 'churned_customers' then value end) as churned
    from {{ model }}
    where dimension = 'all'
    group by month_start_date
),

compared as (
    select
        *,
        lag(active) over (order by month_start_date) as active_before
    from flows
)

select * from compared
where active <> active_before + joined + returned - churned
{% endtest %}
