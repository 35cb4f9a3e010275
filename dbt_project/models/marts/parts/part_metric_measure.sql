-- Grain: one row per (measure, month, dimension, dimension_value, second_value) with rows in the measure's fact, by the
-- as-of date. second_value is 'all' unless the dimension is two. Products are the 100 with most sales in the last 365
-- days; the others are one. Generated from vars.metric_facts of dbt_project.yml.
-- A null value is unknown; a row that is missing counts as zero.
-- The segment is the customer's on the as-of date, in all months.
-- noqa: disable=LT02,LT05,PRS
{%- set facts = var('metric_facts') %}
{%- set single, double = [], [] %}
{%- for dimension in facts.values() | map(attribute='dimensions') | sum(start=[]) | unique %}
    {%- do (double if ' by ' in dimension else single).append(dimension) %}
{%- endfor %}
with customers as (
    select
        dim_customer.customer_id,
        dim_customer.country,
        dim_customer.acquisition_channel,
        segments.segment_name as segment
    from {{ ref('dim_customer') }} as dim_customer
    left join {{ ref('customer_segments') }} as segments on dim_customer.customer_id = segments.customer_id
),

order_channels as (
    select order_id, channel from {{ ref('fct_order') }}
),

campaign_channels as (
    select campaign_id, channel from {{ ref('dim_campaign') }}
),

top_products as (
    select product_id as top_product_id from {{ ref('fct_order_line') }}
    where order_date > {{ add_days(as_of_date(), -365) }} and {{ by_as_of('order_date') }}
    group by product_id
    order by sum({{ measure('fct_order_line', 'net_sales') }}) desc, product_id asc
    limit 100
),

product_categories as (
    select
        products.product_id,
        coalesce(products.category, 'unknown') as category,
        coalesce(top_products.top_product_id, 'other') as product
    from {{ ref('dim_product') }} as products
    left join top_products on products.product_id = top_products.top_product_id
),

{%- for name, fact in facts.items() %}

{{ name }} as (
    select
        cast(date_trunc('month', {{ fact.date }}) as date) as metric_month,
        {%- for dimension in fact.dimensions if dimension in single %}
        coalesce({{ dimension }}, '{{ "other" if dimension == "product" else "unknown" }}') as by_{{ dimension }},
        {%- endfor %}
        {%- for measure, formula in fact.measures.items() %}
        {{ with_measures(formula, fact.table) | replace('{as_of}', as_of_date()) }} as {{ measure }},
        {%- endfor %}
        min({{ fact.date }}) as first_date
    from {{ ref(fact.table) }}
    left join customers using (customer_id)
    {%- for joined, key in fact.get('joins', {}).items() %}
    left join {{ joined }} using ({{ key }})
    {%- endfor %}
    where {{ by_as_of(fact.date) }}
    group by grouping sets (
        (metric_month)
        {%- for dimension in fact.dimensions %},
        (metric_month, by_{{ dimension | replace(' by ', ', by_') }})
        {%- endfor %}
    )
),
{%- endfor %}

-- A measure has one row for each of its cells, also where it is unknown.
measures as (
    {%- for name, fact in facts.items() %}
    select
        measure, value, metric_month, first_date
        {%- for dimension in single %},
        {{ '' if dimension in fact.dimensions else 'null as ' }}by_{{ dimension }}
        {%- endfor %}
    from {{ name }}
    unpivot include nulls (value for measure in ({{ fact.measures | join(', ') }}))
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    measure,
    metric_month as month_start_date,
    case
        {%- for dimension in double %}
        when by_{{ dimension | replace(' by ', ' is not null and by_') }} is not null then '{{ dimension }}'
        {%- endfor %}
        {%- for dimension in single %}
        when by_{{ dimension }} is not null then '{{ dimension }}'
        {%- endfor %}
        else 'all'
    end as dimension,
    coalesce(by_{{ single | reject('equalto', 'segment') | join(', by_') }}, by_segment, 'all') as dimension_value,
    case
        {%- for dimension in double %}
        when by_{{ dimension.split(' by ')[0] }} is not null then coalesce(by_{{ dimension.split(' by ')[1] }}, 'all')
        {%- endfor %}
        else 'all'
    end as second_value,
    cast(value as {{ contract_type('total') }}) as value,
    first_date
from measures
