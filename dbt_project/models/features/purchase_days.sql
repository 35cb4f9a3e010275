-- Grain: one row per (customer_id, purchase_date) by the as-of date. Key: both.
-- What lifecycle stages and behavioural segments follow from: when, for how much, and whether at a discount, which
-- begins at a twentieth of the list value, as in customer_loyalty: less is what shops round off.
select
    {{ as_of_date() }} as as_of_date,
    customer_id,
    order_date as purchase_date,
    cast(sum(net_sales) as {{ contract_type('total') }}) as net_sales,
    sum(discount_amount + coupon_discount_amount) > 0
    and 20 * sum(discount_amount + coupon_discount_amount) >= sum(list_amount) as is_discounted
from {{ ref('fct_order') }}
where
    is_purchase and customer_id <> 'unknown'
    and {{ by_as_of('order_date') }}
group by customer_id, order_date
