-- Grain: one row per (customer, month) in which something happened. Sums over it equal those of the facts.
-- net_revenue = net_sales - refund_amount (of sales; other_refund_amount is of fees and bad debt).
-- margin = net_revenue + recovered_amount - cost_amount: before the four kinds of costs, which stand beside it.
-- Costs and contacts that no source provides are null, not zero.
{% set has = var('providers') %}
{% set money = contract_type('decimal') %}
{% set amounts = [
    'list_amount', 'discount_amount', 'coupon_discount_amount', 'manufacturer_coupon_amount', 'goods_amount',
    'shipping_amount', 'adjustment_amount', 'net_sales', 'other_amount', 'net_amount', 'unsold_amount',
] %}
{% set counted = {
    'contacts': 'contacts', 'cases': 'cases', 'survey_responses': 'survey_responses', 'web_sessions': 'web_events'
} %}
{% set kinds = ['acquisition', 'selling', 'service', 'retention'] %}

with orders as (
    select
        customer_id,
        cast(date_trunc('month', order_date) as date) as month_start_date,
        count(*) as orders,
        sum(case when is_purchase then 1 else 0 end) as purchases,
        count(distinct case when is_purchase then order_date end) as purchase_days,
        sum(lines) as lines,
        sum(quantity) as quantity,
        {%- for column in amounts %}
        sum({{ column }}) as {{ column }},
        {%- endfor %}
        case when count(cost_amount) = count(*) then sum(cost_amount) end as cost_amount
    from {{ ref('fct_order') }}
    where {{ rows_of_changed(ref('fct_order'), ref('changed_customer_months'), 'customer_id') }}
    group by customer_id, date_trunc('month', order_date)
),

activity as (
    select *
    from {{ ref('customer_month_activity') }}
    where {{ only_changed(ref('changed_customer_months'), ['customer_id']) }}
),

known_kinds as (
    select
        {{ is_cost_known('acquisition') }} as has_acquisition,
        {{ is_cost_known('selling') }} as has_selling,
        {{ is_cost_known('service') }} as has_service,
        {{ is_cost_known('retention') }} as has_retention
    from {{ ref('fct_cost_allocation') }}
),

final as (
    select
        coalesce(orders.customer_id, activity.customer_id) as customer_id,
        coalesce(orders.month_start_date, activity.month_start_date) as month_start_date,
        {%- for column in ['orders', 'purchases', 'purchase_days', 'lines'] %}
        coalesce(cast(orders.{{ column }} as bigint), 0) as {{ column }},
        {%- endfor %}
        {%- for column in ['return_lines', 'campaign_contacts'] %}
        coalesce(activity.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        {%- for column, entity in counted.items() %}
        {{ 'coalesce(activity.' ~ column ~ ', 0)' if has.get(entity) else 'cast(null as bigint)' }} as {{ column }},
        {%- endfor %}
        cast(orders.quantity as {{ money }}) as quantity,
        {%- for column in amounts %}
        cast(coalesce(orders.{{ column }}, 0) as {{ money }}) as {{ column }},
        {%- endfor %}
        {%- for column in ['refund_amount', 'other_refund_amount', 'recovered_amount'] %}
        cast(coalesce(activity.{{ column }}, 0) as {{ money }}) as {{ column }},
        {%- endfor %}
        cast(coalesce(orders.net_sales, 0) - coalesce(activity.refund_amount, 0) as {{ money }}) as net_revenue,
        cast(orders.cost_amount as {{ money }}) as cost_amount,
        {%- for kind in kinds %}
        cast(case when known_kinds.has_{{ kind }} then coalesce(activity.{{ kind }}_cost, 0) end as {{ money }})
            as {{ kind }}_cost,
        {%- endfor %}
        cast(
            coalesce(orders.net_sales, 0) - coalesce(activity.refund_amount, 0) + coalesce(activity.recovered_amount, 0)
            - case when orders.customer_id is null then 0 else orders.cost_amount end
            as {{ money }}
        ) as margin
    from orders
    full join activity
        on orders.customer_id = activity.customer_id and orders.month_start_date = activity.month_start_date
    cross join known_kinds
)

{{ with_version('customer', 'final', 'last_day(month_start_date)') }}
