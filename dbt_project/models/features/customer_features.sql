-- Grain: one row per (customer_id, as_of_date), for customers who had bought by then. Key: both.
-- Nothing here happened, or became known, after as_of_date. A purchase is a day with at least one purchase.
{% set windows = [28, 84, 365] %}
{% set has = var('providers') %}

with feature_dates as (
    {%- for date in var('feature_dates') %}
    select cast('{{ date }}' as date) as as_of_date
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

orders as (
    select * from {{ ref('fct_order') }}
    where is_purchase and customer_id <> 'unknown'
),

purchase_days as (
    select
        feature_dates.as_of_date,
        orders.customer_id,
        orders.order_date,
        count(*) as orders,
        sum(orders.quantity) as quantity,
        sum(orders.net_sales) as net_sales,
        sum(orders.list_amount) as list_amount,
        sum(orders.discount_amount + orders.coupon_discount_amount) as discounts
    from orders
    inner join feature_dates
        on orders.order_date <= feature_dates.as_of_date and orders.known_date <= feature_dates.as_of_date
    group by feature_dates.as_of_date, orders.customer_id, orders.order_date
),

sequenced as (
    select
        *,
        row_number() over (partition by as_of_date, customer_id order by order_date) as purchase_number,
        {{ days_between('order_date', 'as_of_date') }} as days_ago,
        {{ days_between(
            'lag(order_date) over (partition by as_of_date, customer_id order by order_date)', 'order_date'
        ) }} as gap_days
    from purchase_days
),

purchases as (
    select
        customer_id,
        as_of_date,
        min(order_date) as first_purchase_date,
        max(order_date) as last_purchase_date,
        count(*) as purchase_days,
        sum(orders) as orders,
        sum(quantity) as quantity,
        sum(net_sales) as net_sales,
        sum(list_amount) as list_amount,
        sum(discounts) as discounts,
        sum(case when net_sales > 0 then 1 else 0 end) as spend_days,
        sum(case when net_sales > 0 then net_sales else 0 end) as spend_amount,
        sum(case when net_sales > 0 and purchase_number > 1 then 1 else 0 end) as repeat_spend_days,
        sum(case when net_sales > 0 and purchase_number > 1 then net_sales else 0 end) as repeat_spend_amount,
        sum(case when days_ago between 28 and 55 then 1 else 0 end) as purchase_days_prior_28d,
        {%- for days in windows %}
        sum(case when days_ago < {{ days }} then 1 else 0 end) as purchase_days_{{ days }}d,
        sum(case when days_ago < {{ days }} then net_sales else 0 end) as net_sales_{{ days }}d,
        {%- endfor %}
        count(gap_days) as gaps,
        sum(gap_days) as gap_sum,
        sum(gap_days * gap_days) as gap_square_sum
    from sequenced
    group by customer_id, as_of_date
),

category_firsts as (
    select
        lines.customer_id,
        products.category,
        min(greatest(lines.order_date, lines.known_date)) as first_date
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    where products.category is not null
    group by lines.customer_id, products.category
),

categories as (
    select
        category_firsts.customer_id,
        feature_dates.as_of_date,
        count(*) as categories
    from category_firsts
    inner join feature_dates on category_firsts.first_date <= feature_dates.as_of_date
    group by category_firsts.customer_id, feature_dates.as_of_date
),

refunds as (
    select
        returns.customer_id,
        feature_dates.as_of_date,
        sum(case when returns.is_sale then returns.refund_amount else 0 end) as refund_amount,
        sum(case when {{ days_between('returns.return_date', 'feature_dates.as_of_date') }} < 84 then 1 else 0 end)
            as returns_84d
    from {{ ref('fct_return') }} as returns
    inner join feature_dates
        on returns.return_date <= feature_dates.as_of_date and returns.known_date <= feature_dates.as_of_date
    group by returns.customer_id, feature_dates.as_of_date
),

campaigns as (
    select
        contacts.customer_id,
        feature_dates.as_of_date,
        count(*) as campaigns_received_84d
    from {{ ref('fct_campaign_contact') }} as contacts
    inner join feature_dates
        on
            contacts.contact_date <= feature_dates.as_of_date
            and contacts.known_date <= feature_dates.as_of_date
            and contacts.contact_date > {{ add_days('feature_dates.as_of_date', -84) }}
    group by contacts.customer_id, feature_dates.as_of_date
),

responses as (
    select
        responses.customer_id,
        feature_dates.as_of_date,
        count(*) as campaign_responses_84d
    from {{ ref('fct_campaign_response') }} as responses
    inner join feature_dates
        on
            responses.response_date <= feature_dates.as_of_date
            and responses.known_date <= feature_dates.as_of_date
            and responses.response_date > {{ add_days('feature_dates.as_of_date', -84) }}
    group by responses.customer_id, feature_dates.as_of_date
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
        {%- for column, type, entity in [
            ('categories', 'integer', 'products'),
            ('returns_84d', 'integer', 'returns'),
            ('refund_amount', 'decimal', 'returns'),
            ('campaigns_received_84d', 'integer', 'campaign_contacts'),
            ('campaign_responses_84d', 'integer', 'campaign_responses'),
        ] %}
        -- Null, not zero, where no active source provides {{ entity }}.
        {%- set counted = 'coalesce(' ~ column ~ ', 0)' if has.get(entity) else 'null' %}
        cast({{ counted }} as {{ contract_type(type) }}) as {{ column }},
        {%- endfor %}
        customers.is_left_truncated
    from purchases
    inner join {{ ref('dim_customer') }} as customers on purchases.customer_id = customers.customer_id
    left join categories
        on purchases.customer_id = categories.customer_id and purchases.as_of_date = categories.as_of_date
    left join refunds on purchases.customer_id = refunds.customer_id and purchases.as_of_date = refunds.as_of_date
    left join campaigns on purchases.customer_id = campaigns.customer_id and purchases.as_of_date = campaigns.as_of_date
    left join responses on purchases.customer_id = responses.customer_id and purchases.as_of_date = responses.as_of_date
)

select * from final
