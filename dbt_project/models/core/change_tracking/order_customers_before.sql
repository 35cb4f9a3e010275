-- Grain: one row per customer that had an order whose facts an incremental build rebuilds; none in a full build.
-- Read from the facts before they are made.
{% set built = as_built('core', 'fct_order') %}
{% set changed = ref('order_facts_changed') %}
with had as (
    {%- if built %}
    select distinct customer_id
    from {{ built }}
    where order_id in (select order_id from {{ changed }})
    {%- else %}
    select cast('' as {{ contract_type('text') }}) as customer_id
    where 1 = 0
    {%- endif %}
)

select * from had
{{ left_pending(['customer_id']) }}
