-- Grain: one row per (source system, order) that an incremental build judges again; none in a full build.
-- Rows of the order or of its lines are new, or an exchange rate is: it values the orders in its currency from then on.
{% set built = as_built('intermediate', 'int_orders__rows') %}
with changed as (
    {{ changed_keys(['orders', 'order_lines'], 'order_id') }}
),

rates as ( -- noqa: ST03
    {{ changed_keys(['fx_rates'], 'rate_date') }}
),

final as (
    select
        source_system,
        order_id
    from changed
    {%- if built %}
    union
    select
        source_system,
        {{ key_or_none('order_id') }} as order_id
    from {{ built }}
    where
        currency <> '{{ var("currency") }}'
        and {{ local_date('ordered_at') }} >= (select min({{ tried('rate_date', 'date') }}) from rates)
    {%- endif %}
)

select * from final
{{ left_pending(['source_system', 'order_id']) }}
