-- Grain: one row per (customer, month) in which something happened. Sums over it equal those of the facts.
-- net_revenue = net_sales - refund_amount (of sales; other_refund_amount is of fees and bad debt).
-- margin = net_revenue + recovered_amount - cost_amount: before the four kinds of costs, which stand beside it.
-- Costs and contacts that no source provides are null, not zero.
{% set has = var('providers') %}
{% set money = contract_type('decimal') %}

with orders as (
    select
        customer_id,
        cast(date_trunc('month', order_date) as date) as month_start_date,
        count(*) as orders,
        sum(case when is_purchase then 1 else 0 end) as purchases,
        count(distinct case when is_purchase then order_date end) as purchase_days,
        sum(lines) as lines,
        sum(quantity) as quantity,
        cast(sum(list_amount) as {{ money }}) as list_amount,
        cast(sum(discount_amount) as {{ money }}) as discount_amount,
        cast(sum(coupon_discount_amount) as {{ money }}) as coupon_discount_amount,
        cast(sum(manufacturer_coupon_amount) as {{ money }}) as manufacturer_coupon_amount,
        cast(sum(goods_amount) as {{ money }}) as goods_amount,
        cast(sum(shipping_amount) as {{ money }}) as shipping_amount,
        cast(sum(adjustment_amount) as {{ money }}) as adjustment_amount,
        cast(sum(net_sales) as {{ money }}) as net_sales,
        cast(sum(other_amount) as {{ money }}) as other_amount,
        cast(sum(net_amount) as {{ money }}) as net_amount,
        cast(sum(unsold_amount) as {{ money }}) as unsold_amount,
        case when count(cost_amount) = count(*) then sum(cost_amount) end as cost_amount
    from {{ ref('fct_order') }}
    where {{ rows_of_changed(ref('fct_order'), ref('customer_months_changed'), 'customer_id') }}
    group by customer_id, date_trunc('month', order_date)
),

activity as (
    select *
    from {{ ref('customer_month_activity') }}
    where {{ only_changed(ref('customer_months_changed'), ['customer_id']) }}
),

known_kinds as (
    select
        {{ known_cost_kinds() }}
    from {{ ref('fct_cost_allocation') }}
),

final as (
    select
        coalesce(orders.customer_id, activity.customer_id) as customer_id,
        coalesce(orders.month_start_date, activity.month_start_date) as month_start_date,
        coalesce(cast(orders.orders as bigint), 0) as orders,
        coalesce(cast(orders.purchases as bigint), 0) as purchases,
        coalesce(cast(orders.purchase_days as bigint), 0) as purchase_days,
        coalesce(cast(orders.lines as bigint), 0) as lines,
        coalesce(activity.return_lines, 0) as return_lines,
        coalesce(activity.campaign_contacts, 0) as campaign_contacts,
        {{ 'coalesce(activity.contacts, 0)' if has.get('contacts') else 'cast(null as bigint)' }} as contacts,
        {{ 'coalesce(activity.cases, 0)' if has.get('cases') else 'cast(null as bigint)' }} as cases,
        {{ 'coalesce(activity.survey_responses, 0)' if has.get('survey_responses') else 'cast(null as bigint)' }}
            as survey_responses,
        {{ 'coalesce(activity.web_sessions, 0)' if has.get('web_events') else 'cast(null as bigint)' }} as web_sessions,
        cast(orders.quantity as {{ money }}) as quantity,
        coalesce(orders.list_amount, 0) as list_amount,
        coalesce(orders.discount_amount, 0) as discount_amount,
        coalesce(orders.coupon_discount_amount, 0) as coupon_discount_amount,
        coalesce(orders.manufacturer_coupon_amount, 0) as manufacturer_coupon_amount,
        coalesce(orders.goods_amount, 0) as goods_amount,
        coalesce(orders.shipping_amount, 0) as shipping_amount,
        coalesce(orders.adjustment_amount, 0) as adjustment_amount,
        coalesce(orders.net_sales, 0) as net_sales,
        coalesce(orders.other_amount, 0) as other_amount,
        coalesce(orders.net_amount, 0) as net_amount,
        coalesce(orders.unsold_amount, 0) as unsold_amount,
        coalesce(activity.refund_amount, 0) as refund_amount,
        coalesce(activity.other_refund_amount, 0) as other_refund_amount,
        coalesce(activity.recovered_amount, 0) as recovered_amount,
        cast(coalesce(orders.net_sales, 0) - coalesce(activity.refund_amount, 0) as {{ money }}) as net_revenue,
        cast(orders.cost_amount as {{ money }}) as cost_amount,
        case when known_kinds.has_acquisition then coalesce(activity.acquisition_cost, 0) end as acquisition_cost,
        case when known_kinds.has_selling then coalesce(activity.selling_cost, 0) end as selling_cost,
        case when known_kinds.has_service then coalesce(activity.service_cost, 0) end as service_cost,
        case when known_kinds.has_retention then coalesce(activity.retention_cost, 0) end as retention_cost,
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
