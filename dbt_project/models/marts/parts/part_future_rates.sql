-- Grain: one row per customer with purchases: the shares of future sales that will be refunded, and that goods will
-- cost, and what selling, retention and service will cost per active month (a month with a purchase).
-- A customer's own rate is shrunk towards everybody's with the weight of one average customer's sales, months or days.
-- The rate of costs is known only for customers the cost of whose goods is known.

with activity as (
    select
        customer_id,
        count(distinct order_date) as purchase_days,
        count(distinct date_trunc('month', order_date)) as active_months
    from {{ ref('fct_order') }}
    where is_purchase and {{ by_as_of('order_date') }}
    group by customer_id
),

amounts as (
    select
        customers.customer_id,
        customers.net_sales,
        activity.purchase_days,
        activity.active_months,
        -- Without returns in the data the rate is unknown, not zero.
        cast({{ '-booked.returned' if var('providers').get('returns') else 'null' }} as {{ contract_type('decimal') }})
            as returned,
        -booked.selling - booked.fees as selling,
        -booked.retention as retention,
        -booked.service as service,
        -booked.cost_of_goods as cost
    from {{ ref('part_customer') }} as customers
    inner join {{ ref('part_booked_amounts') }} as booked on customers.customer_id = booked.customer_id
    inner join activity on customers.customer_id = activity.customer_id
),

everybody as (
    select
        cast(sum(net_sales) as double) / count(*) as average_sales,
        cast(sum(purchase_days) as double) / count(*) as average_days,
        cast(sum(active_months) as double) / count(*) as average_months,
        cast(sum(returned) as double) / nullif(cast(sum(net_sales) as double), 0) as refund_rate,
        cast(sum(selling) as double) / sum(active_months) as selling_per_month,
        cast(sum(retention) as double) / sum(active_months) as retention_per_month,
        cast(sum(service) as double) / sum(active_months) as service_per_month,
        cast(sum(cost) as double)
        / nullif(cast(sum(case when cost is not null then net_sales end) as double), 0) as cost_rate
    from amounts
),

shrunk as (
    select
        amounts.customer_id,
        (cast(amounts.returned as double) + everybody.average_sales * everybody.refund_rate)
        / nullif(cast(amounts.net_sales as double) + everybody.average_sales, 0) as refund_rate,
        (cast(amounts.cost as double) + everybody.average_sales * everybody.cost_rate)
        / nullif(cast(amounts.net_sales as double) + everybody.average_sales, 0) as cost_rate,
        (cast(amounts.selling as double) + everybody.average_months * everybody.selling_per_month)
        / (amounts.active_months + everybody.average_months) as selling_per_month,
        (cast(amounts.retention as double) + everybody.average_months * everybody.retention_per_month)
        / (amounts.active_months + everybody.average_months) as retention_per_month,
        (cast(amounts.service as double) + everybody.average_months * everybody.service_per_month)
        / (amounts.active_months + everybody.average_months) as service_per_month,
        (amounts.active_months + everybody.average_months) / (amounts.purchase_days + everybody.average_days)
            as months_per_purchase_day
    from amounts
    cross join everybody
)

select
    customer_id,
    case when refund_rate is not null then {{ rounded('least(greatest(refund_rate, 0), 1)', 6) }} end as refund_rate,
    case when cost_rate is not null then {{ rounded('least(greatest(cost_rate, 0), 1)', 6) }} end as cost_rate,
    case when selling_per_month is not null then {{ rounded('greatest(selling_per_month, 0)', 6) }} end
        as selling_per_month,
    case when retention_per_month is not null then {{ rounded('greatest(retention_per_month, 0)', 6) }} end
        as retention_per_month,
    case when service_per_month is not null then {{ rounded('greatest(service_per_month, 0)', 6) }} end
        as service_per_month,
    {{ rounded('months_per_purchase_day', 6) }} as months_per_purchase_day
from shrunk
