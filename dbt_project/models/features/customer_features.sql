-- Grain: one row per (customer_id, as_of_date), for customers who had bought by then. Key: both.
-- Nothing here happened, or became known, after as_of_date. A purchase is a day with at least one purchase.
{% set has = var('providers') %}
{#- column, type, entity that fills it, value of a customer without any -#}
{%- set optional = [
    ('categories', 'integer', 'products', '0'),
    ('returns_84d', 'integer', 'returns', '0'),
    ('refund_amount', 'decimal', 'returns', '0'),
    ('campaigns_received_84d', 'integer', 'campaign_contacts', '0'),
    ('campaign_responses_84d', 'integer', 'campaign_responses', '0'),
    ('contacts_84d', 'integer', 'contacts', '0'),
    ('abandoned_84d', 'integer', 'contacts', '0'),
    ('wait_seconds_365d', 'double', 'contacts', 'null'),
    ('open_cases', 'integer', 'cases', '0'),
    ('complaints_84d', 'integer', 'cases', '0'),
    ('complaints_365d', 'integer', 'cases', '0'),
    ('badly_handled_complaints_365d', 'integer', 'cases', '0'),
    ('surveys_365d', 'integer', 'survey_responses', '0'),
    ('last_nps_score', 'integer', 'survey_responses', 'null'),
    ('last_csat_score', 'integer', 'survey_responses', 'null'),
    ('days_since_survey', 'integer', 'survey_responses', 'null'),
    ('web_sessions_28d', 'integer', 'web_events', '0'),
    ('web_sessions_84d', 'integer', 'web_events', '0'),
    ('days_since_web_session', 'integer', 'web_events', 'null'),
] %}

with purchases as (
    select * from {{ ref('feature_purchases') }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

goods as (
    select * from {{ ref('feature_goods') }}
),

campaigns as (
    select * from {{ ref('feature_campaigns') }}
),

contacts as (
    select * from {{ ref('feature_contacts') }}
),

cases as (
    select * from {{ ref('feature_cases') }}
),

surveys as (
    select * from {{ ref('feature_surveys') }}
),

web_sessions as (
    select * from {{ ref('feature_web_sessions') }}
),

subscriptions as (
    select * from {{ ref('feature_subscriptions') }}
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        purchases.first_purchase_date,
        purchases.last_purchase_date,
        purchases.purchase_days,
        cast({{ days_between('purchases.last_purchase_date', 'purchases.as_of_date') }} as bigint) as recency_days,
        cast({{ days_between('purchases.first_purchase_date', 'purchases.as_of_date') }} as bigint) as tenure_days,
        cast({{ days_between('purchases.first_purchase_date', 'purchases.last_purchase_date') }} as bigint)
            as active_span_days,
        cast(purchases.orders as bigint) as orders,
        cast(purchases.quantity as double) as quantity,
        {%- for column in [
            'net_sales', 'spend_amount', 'repeat_spend_amount', 'net_sales_28d', 'net_sales_84d', 'net_sales_365d',
        ] %}
        cast(purchases.{{ column }} as {{ contract_type('decimal') }}) as {{ column }},
        {%- endfor %}
        {%- for column in [
            'spend_days', 'repeat_spend_days', 'purchase_days_28d', 'purchase_days_84d', 'purchase_days_365d',
            'purchase_days_prior_28d',
        ] %}
        cast(purchases.{{ column }} as bigint) as {{ column }},
        {%- endfor %}
        case when purchases.gaps > 0 then round(purchases.gap_sum / cast(purchases.gaps as double), 6) end
            as gap_mean_days,
        case when purchases.gaps > 1 then round(
            sqrt(
                (purchases.gap_square_sum * purchases.gaps - purchases.gap_sum * purchases.gap_sum)
                / cast(purchases.gaps * (purchases.gaps - 1) as double)
            ), 6
        ) end as gap_stddev_days,
        case
            when purchases.list_amount > 0
                then round(cast(purchases.discounts as double) / cast(purchases.list_amount as double), 6)
        end as discount_share,
        {%- for column, type, entity, without in optional %}
        -- Null, not zero, where no active source provides {{ entity }}.
        {%- set value = 'coalesce(' ~ column ~ ', ' ~ without ~ ')' if without == '0' else column %}
        cast({{ value if has.get(entity) else 'null' }} as {{ contract_type(type) }}) as {{ column }},
        {%- endfor %}
        -- Null, not false, where no active source provides subscriptions.
        {%- set subscribed = 'subscriptions.subscriptions is not null' if has.get('subscriptions') else 'null' %}
        cast({{ subscribed }} as {{ contract_type('boolean') }}) as has_subscription,
        customers.is_left_truncated
    from purchases
    inner join customers on purchases.customer_id = customers.customer_id
    {%- for part in ['goods', 'campaigns', 'contacts', 'cases', 'surveys', 'web_sessions', 'subscriptions'] %}
    left join {{ part }}
        on purchases.customer_id = {{ part }}.customer_id and purchases.as_of_date = {{ part }}.as_of_date
    {%- endfor %}
)

select * from final
