-- Grain: one row per (source system, order) that an incremental build judges anew; all that changed since the build before.
-- A new exchange rate changes the orders in its currency from its day on.
with changed as (
    {{ changed_keys(['orders', 'order_lines'], 'order_id') }}
),

{% set built = as_built('intermediate', 'int_orders__versions') %}
{% if built and var('providers').get('fx_rates') %}
new_rates as (
    {{ changed_keys(['fx_rates'], 'rate_date') }}
),

revalued as (
    select
        source_system,
        order_id
    from {{ built }}
    where
        currency <> '{{ var("currency") }}'
        and {{ local_date('ordered_at') }} >= (select min(try_cast(rate_date as date)) from new_rates)
),
{% else %}
revalued as (
    select * from changed where 1 = 0
),
{% endif %}

final as (
    select * from changed
    union
    select * from revalued
)

select * from final
