-- Grain: one row per return whose fact an incremental build rebuilds; none in a full build. Key: return_id.
-- The return itself changed; its customer is described again; or its order or its product are not what its fact was
-- built with. An order is named by its number, of its own source system or of another one.
{% set built = as_built('core', 'fct_return') %}
{% set customers = ref('int_customer_records_changed') %}
with changed as (
    select
        source_system,
        return_id
    from {{ ref('int_returns_changed') }}
    where return_id <> ''
    union
    select
        source_system,
        return_id
    from {{ ref('int_returns') }}
    where order_id in (select source_order_id from {{ ref('order_facts_changed') }})
    union
    select
        source_system,
        return_id
    from {{ ref('int_returns') }}
    where
        {{ of_keys(
            ref('source_products_changed'), ['source_system', 'source_product_id'], ['source_system', 'product_id']
        ) }}
),

final as (
    select source_system || ':' || return_id as return_id from changed
    {%- if built %}
    union
    select return_id
    from {{ built }}
    where customer_id in (select customer_id from {{ customers }})
    {%- endif %}
)

select * from final
{{ left_pending(['return_id']) }}
