-- Grain: one row per order whose facts an incremental build makes anew. Key: order_id.
-- The order itself changed, its customer is described anew, or its products or its campaign are not what its facts were
-- built with.
with changed_products as (
    {{ differs(
        ref('dim_product'), 'joined_products', ['source_system', 'source_product_id', 'product_id', 'unit_cost']
    ) }}
),

changed_product_versions as (
    {{ differs(
        ref('dim_product_history'), 'joined_product_versions',
        ['product_id', 'product_version_key', 'valid_from', 'valid_to']
    ) }}
),

changed_campaigns as (
    {{ differs(
        ref('int_campaign_references'), 'joined_campaigns', ['source_system', 'source_campaign_id', 'campaign_id']
    ) }}
),

source_customers as (
    select
        source_system,
        source_customer_id
    from {{ ref('customer_source_id') }}
    where customer_id in (select customer_id from {{ ref('int_changed_customers') }})
),

source_products as (
    select
        source_system,
        source_product_id
    from changed_products
    union
    select
        source_system,
        source_product_id
    from {{ ref('dim_product') }}
    where product_id in (select product_id from changed_product_versions)
),

final as (
    select
        source_system,
        order_id
    from {{ ref('int_changed_orders') }}
    where order_id <> ''
    union
    select
        source_system,
        order_id
    from {{ ref('int_orders') }}
    where {{ of_keys('source_customers', ['source_system', 'source_customer_id']) }}
    union
    select
        source_system,
        order_id
    from {{ ref('int_orders') }}
    where
        {{ of_keys('changed_campaigns', ['source_system', 'source_campaign_id'], ['source_system', 'campaign_id']) }}
    union
    select
        source_system,
        order_id
    from {{ ref('int_order_lines__all') }}
    where
        {{ of_keys('source_products', ['source_system', 'source_product_id'], ['source_system', 'product_id']) }}
)

select
    source_system || ':' || order_id as order_id,
    source_system,
    order_id as source_order_id
from final
{{ left_pending(['order_id', 'source_system', 'source_order_id']) }}
