-- Grain: one row per (source system, order, line) that carries a part of its order's discount lines.
-- The discount of an order belongs to its goods, by their net amount (equally, where none is above zero), in whole
-- coins of the currency by the largest remainder. An order without goods keeps it on the first of its discount lines.
-- order_discount_amount is positive; summed over an order it is what the discount lines book.
with order_lines as (
    select *
    from {{ ref('int_order_lines__all') }}
    where {{ only_changed(ref('int_orders_changed'), ['source_system', 'order_id']) }}
),

discounts as (
    select
        source_system,
        order_id,
        -sum(net_amount) as amount,
        min(line_number) as discount_line_number
    from order_lines
    where line_type = 'discount'
    group by source_system, order_id
    having sum(net_amount) <> 0
),

goods as (
    select
        order_lines.source_system,
        order_lines.order_id,
        order_lines.line_number,
        discounts.amount,
        cast(greatest(order_lines.net_amount, 0) * 10000 as bigint) as net_weight
    from order_lines
    inner join discounts
        on order_lines.source_system = discounts.source_system and order_lines.order_id = discounts.order_id
    where order_lines.is_goods
),

weighed as (
    select
        source_system,
        order_id,
        line_number,
        amount,
        case
            when sum(net_weight) over (partition by source_system, order_id) = 0 then 1
            else net_weight
        end as weight
    from goods
),

with_goods as (
    select distinct
        source_system,
        order_id
    from goods
),

without_goods as (
    select
        discounts.source_system,
        discounts.order_id,
        discounts.discount_line_number as line_number,
        discounts.amount,
        cast(1 as bigint) as weight
    from discounts
    left join with_goods
        on discounts.source_system = with_goods.source_system and discounts.order_id = with_goods.order_id
    where with_goods.order_id is null
),

sharing as ( -- noqa: ST03
    select * from weighed
    union all
    select * from without_goods
),

shares as (
    {{ largest_remainder('sharing', ['source_system', 'order_id'], ['line_number']) }}
)

select
    source_system,
    order_id,
    line_number,
    share_amount as order_discount_amount
from shares
