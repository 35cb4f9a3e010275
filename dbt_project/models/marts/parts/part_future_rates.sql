-- Grain: one row per customer: the shares of future sales that will be refunded, and that goods will cost.
-- A customer's own rate is shrunk towards everybody's with the weight of one average customer's sales.
-- The rate of costs is known only for customers the cost of whose goods is known.
with amounts as (
    select
        customers.customer_id,
        customers.net_sales,
        -- Without returns in the data the rate is unknown, not zero.
        cast({{ '-booked.returned' if var('providers').get('returns') else 'null' }} as {{ contract_type('decimal') }})
            as returned,
        -booked.cost_of_goods as cost
    from {{ ref('part_customer') }} as customers
    inner join {{ ref('part_booked_amounts') }} as booked on customers.customer_id = booked.customer_id
    where customers.purchases > 0
),

everybody as (
    select
        cast(sum(net_sales) as double) / count(*) as average_sales,
        cast(sum(returned) as double) / nullif(cast(sum(net_sales) as double), 0) as refund_rate,
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
        / nullif(cast(amounts.net_sales as double) + everybody.average_sales, 0) as cost_rate
    from amounts
    cross join everybody
)

select
    customer_id,
    case when refund_rate is not null then round(least(greatest(refund_rate, 0), 1), 6) end as refund_rate,
    case when cost_rate is not null then round(least(greatest(cost_rate, 0), 1), 6) end as cost_rate
from shrunk
