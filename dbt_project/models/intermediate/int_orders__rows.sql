-- Grain: one row per landed row of orders, with its fate. An order without lines needs a total to be worth something.
-- The lines of earlier files are those that the warehouse has judged.
{% set changed = ref('int_orders_changed') %}
{% set built = as_built('intermediate', 'int_order_lines__rows') %}

with valued_by as (
    {%- for source in var('providers').get('order_lines', []) %}
    {%- set last_source = loop.last %}
    {%- for condition in staged_conditions('order_lines', contract('orders'), source) %}
    select distinct
        source_system,
        {% if loop.first %}{{ staged_key('order_id') }} as order_id{% else %}order_id{% endif %}
    from {{ ref('stg_' ~ source ~ '__order_lines') if loop.first else built }}
    where {{ condition if loop.first else "source_system = '" ~ source ~ "' and " ~ only_changed(changed, ['source_system', 'order_id']) }}
    {{ 'union' if not (last_source and loop.last) }}
    {%- endfor %}
    {%- else %}
    select
        '' as source_system,
        '' as order_id
    where 1 = 0
    {%- endfor %}
),

{{ conform('orders') }}
