-- Grain: one row per order whose facts an incremental build rebuilds. Key: order_id.
-- The order itself changed; the record that it names is of another customer, or its customer has another version from a
-- day on that is not after it; or its products or its campaign are not what its facts were built with.
{% set built = as_built('core', 'fct_order') %}
{% set of_changed = 'customer_id in (select customer_id from ' ~ ref('int_customer_records_changed') ~ ')' %}
with moved_records as (
    {{ differs(
        ref('int_source_customers'), 'customer_records_built_with',
        ['source_system', 'source_customer_id', 'customer_id'], of_changed
    ) }}
),

-- A version ends where the next one begins.
changed_versions as ( -- noqa: ST03
    {{ differs(
        ref('dim_customer_history'), 'customer_history_built_with',
        ['customer_id', 'customer_version_key', 'valid_from'], 'version_number > 1 and ' ~ of_changed
    ) }}
),

campaigns as ( -- noqa: ST03
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

changed_campaigns as (
    {{ differs('campaigns', 'campaigns_built_with', ['source_system', 'source_campaign_id', 'campaign_id']) }}
),

final as (
    select
        source_system,
        order_id
    from {{ ref('int_orders_changed') }}
    where order_id <> ''
    union
    select
        source_system,
        order_id
    from {{ ref('int_orders') }}
    where {{ of_keys('moved_records', ['source_system', 'source_customer_id']) }}
    {%- if built %}
    union
    select
        facts.source_system,
        facts.source_order_id as order_id
    from {{ built }} as facts
    inner join changed_versions
        on
            facts.customer_key = {{ customer_key('changed_versions.customer_id') }}
            and facts.order_date >= changed_versions.valid_from
    {%- endif %}
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
        {{ of_keys(
            ref('source_products_changed'), ['source_system', 'source_product_id'], ['source_system', 'product_id']
        ) }}
)

select
    source_system || ':' || order_id as order_id,
    source_system,
    order_id as source_order_id
from final
{{ left_pending(['order_id', 'source_system', 'source_order_id']) }}
