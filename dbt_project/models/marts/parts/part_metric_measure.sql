-- Grain: one row per (measure, month, dimension, dimension_value) with rows in the measure's fact, by the as-of date.
-- Generated from vars.metric_facts of dbt_project.yml. A null value is unknown; a row that is missing counts as zero.
-- The segment is the customer's on the as-of date, in all months.
-- noqa: disable=LT02,LT05
with {% for name, fact in var('metric_facts').items() %}
{%- set joins = fact.get('joins', {}) %}
{{ name }}_rows as (
    select
        facts.*,
        cast(date_trunc('month', facts.{{ fact['date'] }}) as date) as metric_month,
        {%- for dimension, sql in fact['dimensions'].items() %}
        coalesce({{ sql }}, 'unknown') as by_{{ dimension }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref(fact['table']) }} as facts
    left join {{ ref('dim_customer') }} as customers on facts.customer_id = customers.customer_id
    left join {{ ref('customer_segments') }} as segments on facts.customer_id = segments.customer_id
    {%- for alias, join in joins.items() %}
    left join {{ ref(join[0]) }} as {{ alias }} on facts.{{ join[1] }} = {{ alias }}.{{ join[1] }}
    {%- endfor %}
    where facts.{{ fact['date'] }} <= {{ as_of_date() }} and facts.known_date <= {{ as_of_date() }}
),

{{ name }}_sums as (
    select
        metric_month,
        {%- for column in ['dimension', 'dimension_value'] %}
        case
            {%- for dimension in fact['dimensions'] %}
            when grouping(by_{{ dimension }}) = 0
                then {{ "'" ~ dimension ~ "'" if column == 'dimension' else 'by_' ~ dimension }}
            {%- endfor %}
            else 'all'
        end as {{ column }},
        {%- endfor %}
        {%- for measure, sql in fact['measures'].items() %}
        {{ sql | replace('{as_of}', as_of_date()) }} as {{ measure }},
        {%- endfor %}
        min({{ fact['date'] }}) as first_date
    from {{ name }}_rows
    group by grouping sets (
        (metric_month){% for dimension in fact['dimensions'] %}, (metric_month, by_{{ dimension }}){% endfor %}
    )
),

{% endfor %}
final as (
    {%- for name, fact in var('metric_facts').items() %}
    {%- set last_fact = loop.last %}
    {%- for measure in fact['measures'] %}
    select
        '{{ measure }}' as measure,
        metric_month as month_start_date,
        dimension,
        dimension_value,
        cast({{ measure }} as decimal(28, 4)) as value,
        first_date
    from {{ name }}_sums
    {{ 'union all' if not (last_fact and loop.last) }}
    {%- endfor %}
    {%- endfor %}
)

select * from final
