-- Grain: one row per (customer_id, part, line). Lines of a customer sum to customer_clv.clv_total, to the cent.
-- The unknown customer stands here too (not in customer_clv), so that every line sums to the facts.
-- A line that the data do not support has a null amount and its reason.
-- Future costs: expected purchase days, discounted and weighted by P(alive) as `repeat` is (clv_future over
-- expected_spend), times active months per purchase day, times costs per active month (part_future_rates).
with customers as (
    select customer_id from {{ ref('part_customer') }}
    union all
    select customer_id from {{ ref('part_booked_amounts') }}
    where customer_id = 'unknown'
),

booked as (
    select * from {{ ref('part_booked_amounts') }}
),

goods as (
    select * from {{ ref('part_goods_split') }}
),

rates as (
    select * from {{ ref('part_future_rates') }}
),

scores as (
    select * from {{ scores('clv') }}
),

known as (
    select
        count(category) > 0 as has_categories,
        {{ 'true' if var('providers').get('returns') else 'false' }} as has_returns
    from {{ ref('dim_product') }}
),

historic_amounts as (
    select
        customers.customer_id,
        coalesce(goods.first_purchase, 0) as first_purchase,
        coalesce(goods.repeat_purchase, 0) as repeat_purchase,
        coalesce(goods.growth, 0) as growth,
        case when known.has_categories then coalesce(goods.cross_purchase, 0) end as cross_purchase,
        case
            when customers.customer_id = 'unknown' then coalesce(booked.goods_at_list, 0) else 0
        end as unattributed_sales,
        coalesce(booked.price_realisation, 0) as price_realisation,
        coalesce(booked.shipping_income, 0) as shipping_income,
        coalesce(booked.adjustments, 0) as adjustments,
        case when known.has_returns then coalesce(booked.returned, 0) end as returns,
        booked.cost_of_goods,
        coalesce(booked.fees + booked.selling, nullif(booked.fees, 0)) as selling,
        coalesce(booked.bad_debt, 0) as bad_debt,
        booked.acquisition,
        booked.retention,
        booked.service
    from customers
    inner join booked on customers.customer_id = booked.customer_id
    left join goods on customers.customer_id = goods.customer_id
    cross join known
),

historic as (
    select
        customer_id,
        'historic' as part,
        line,
        cast({{ rounded('amount', stored_digits()) }} as {{ contract_type('decimal') }}) as amount,
        case
            when amount is not null then null
            when line = 'cross_purchase' then 'no product has a category: growth holds all of it'
            when line = 'returns' then 'no active source provides returns'
            when line = 'cost_of_goods' then 'the unit cost of some of the goods is in no active source'
            else 'no active source provides costs of this kind'
        end as reason
    from historic_amounts
    unpivot include nulls (
        amount for line in (
            first_purchase, repeat_purchase as repeat, growth, cross_purchase, unattributed_sales, price_realisation,
            shipping_income, adjustments, returns, cost_of_goods, selling, bad_debt, acquisition, retention, service
        )
    )
),

expected as (
    select
        customers.customer_id,
        scores.clv_future,
        coalesce(scores.clv_future / nullif(scores.expected_spend, 0), scores.expected_purchases)
        * rates.months_per_purchase_day as active_months,
        case
            when customers.customer_id = 'unknown' then 'sales without a customer have no future'
            else coalesce(scores.unavailable_reason, {{ no_known_purchase() }})
        end as not_scored
    from customers
    left join scores on customers.customer_id = scores.customer_id
    left join rates on customers.customer_id = rates.customer_id
),

future_amounts as (
    select
        expected.customer_id,
        cast(expected.clv_future as double) as repeat_purchase,
        cast(-expected.clv_future * rates.refund_rate as double) as returns,
        cast(-expected.clv_future * rates.cost_rate as double) as cost_of_goods,
        cast(-expected.active_months * rates.selling_per_month as double) as selling,
        cast(-expected.active_months * rates.retention_per_month as double) as retention,
        cast(-expected.active_months * rates.service_per_month as double) as service,
        expected.not_scored,
        known.has_returns,
        booked.cost_of_goods is not null as has_cost_of_goods,
        booked.selling is not null as has_selling,
        booked.retention is not null as has_retention,
        booked.service is not null as has_service
    from expected
    inner join booked on expected.customer_id = booked.customer_id
    left join rates on expected.customer_id = rates.customer_id
    cross join known
),

future as (
    select
        customer_id,
        'future' as part,
        line,
        {{ rounded_amount('amount') }} as amount,
        case
            when amount is not null then null
            when line = 'returns' and not has_returns then 'no active source provides returns'
            when line = 'cost_of_goods' and not has_cost_of_goods
                then 'the unit cost of some of the goods is in no active source'
            when
                (line = 'selling' and not has_selling)
                or (line = 'retention' and not has_retention)
                or (line = 'service' and not has_service)
                then 'no active source provides costs of this kind'
            else not_scored
        end as reason
    from future_amounts
    unpivot include nulls (
        amount for line in (repeat_purchase as repeat, returns, cost_of_goods, selling, retention, service)
    )
),

-- The lines in the order of the statement.
lines (line_order, part, line) as (
    values
    (1, 'historic', 'first_purchase'),
    (2, 'historic', 'repeat'),
    (3, 'historic', 'growth'),
    (4, 'historic', 'cross_purchase'),
    (5, 'historic', 'unattributed_sales'),
    (6, 'historic', 'price_realisation'),
    (7, 'historic', 'shipping_income'),
    (8, 'historic', 'adjustments'),
    (9, 'historic', 'returns'),
    (10, 'historic', 'cost_of_goods'),
    (11, 'historic', 'selling'),
    (12, 'historic', 'bad_debt'),
    (13, 'historic', 'acquisition'),
    (14, 'historic', 'retention'),
    (15, 'historic', 'service'),
    (16, 'future', 'repeat'),
    (17, 'future', 'returns'),
    (18, 'future', 'cost_of_goods'),
    (19, 'future', 'selling'),
    (20, 'future', 'retention'),
    (21, 'future', 'service')
),

amounts as (
    select * from historic
    union all
    select * from future
)

select
    amounts.customer_id,
    amounts.part,
    amounts.line,
    cast(lines.line_order as int) as line_order,
    amounts.amount,
    amounts.reason
from amounts
inner join lines on amounts.part = lines.part and amounts.line = lines.line
