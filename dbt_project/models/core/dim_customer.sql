-- Grain: one row per customer_id, and the unknown customer for sales to nobody. No personal data.
-- is_left_truncated: first bought so soon after its source's data begin that it may well be older than the data.
-- A source whose yml says `history: complete` holds every customer's first purchase: none of its customers is.
{% set complete_sources = [] %}
{% for source, history in var('history').items() if history == 'complete' %}
    {%- do complete_sources.append(source) %}
{% endfor %}

with source_customers as (
    select * from {{ ref('int_source_customers') }}
),

customers as (
    select * from {{ ref('int_customers') }}
),

purchases as (
    select
        customer_id,
        min(order_date) as first_purchase_date
    from {{ ref('fct_order') }}
    where is_purchase
    group by customer_id
),

source_starts as (
    select
        source_system,
        min(order_date) as first_order_date
    from {{ ref('fct_order') }}
    group by source_system
),

known as (
    select
        source_customers.customer_id,
        source_customers.source_system,
        customers.kind,
        customers.country,
        customers.acquisition_channel,
        customers.created_at,
        source_customers.first_seen_at,
        purchases.first_purchase_date,
        {{ "source_customers.source_system not in (" ~ text_list(complete_sources) ~ ") and" if complete_sources }}
        coalesce(
            purchases.first_purchase_date
            < {{ add_days('source_starts.first_order_date', var('left_truncation_days')) }},
            false
        ) as is_left_truncated,
        false as is_unknown
    from source_customers
    left join customers
        on
            source_customers.source_system = customers.source_system
            and source_customers.source_customer_id = customers.source_customer_id
    left join purchases on source_customers.customer_id = purchases.customer_id
    left join source_starts on source_customers.source_system = source_starts.source_system
),

unknown as (
    select
        'unknown' as customer_id,
        'unknown' as source_system,
        null as kind,
        null as country,
        null as acquisition_channel,
        cast(null as timestamp) as created_at,
        cast(null as timestamp) as first_seen_at,
        cast(null as date) as first_purchase_date,
        false as is_left_truncated,
        true as is_unknown
),

final as (
    select * from known
    union all
    select * from unknown
)

select * from final
