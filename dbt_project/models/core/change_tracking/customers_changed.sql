-- Grain: one row per customer whose row in dim_customer an incremental build rebuilds; none in a full build.
-- It is described again, has or had an order whose facts are, or a source system has another first day.
{% set built = as_built('core', 'dim_customer') %}
{% set orders = ref('fct_order') %}
{% set changed = ref('order_facts_changed') %}
with other_starts as ( -- noqa: ST03
    {{ differs(ref('first_order_dates'), 'first_order_dates_built_with', ['source_system', 'first_order_date']) }}
),

final as (
    select customer_id from {{ ref('int_customer_records_changed') }}
    union
    select customer_id from {{ ref('order_customers_before') }}
    {%- if built %}
    union
    select customer_id
    from {{ orders }}
    where order_id in (select order_id from {{ changed }})
    union
    select customer_id
    from {{ built }}
    where exists (select source_system from other_starts)
    {%- endif %}
)

select * from final
{{ left_pending(['customer_id']) }}
