-- Grain: one row per customer whose row in dim_customer an incremental build rebuilds; none in a full build.
-- It is described again, has or had an order whose facts are, or a source system has another first day.
{% set built = as_built('core', 'dim_customer') %}
{% set orders = ref('fct_order') %}
{% set changed = ref('changed_order_facts') %}
with other_starts as ( -- noqa: ST03
    {{ differs(ref('first_order_dates'), 'joined_first_order_dates', ['source_system', 'first_order_date']) }}
),

final as (
    select customer_id from {{ ref('int_changed_customers') }}
    union
    select customer_id from {{ ref('customers_before') }}
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
