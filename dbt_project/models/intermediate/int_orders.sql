-- Grain: one row per key of orders: the current accepted version, with what its status says.
{{ config(materialized='view') }}

with orders as (
    {{ current_rows('orders') }}
)

select
    orders.*,
    statuses.meaning as status_meaning
from orders
left join {{ ref('int_order_statuses') }} as statuses
    on orders.source_system = statuses.source_system and orders.status = statuses.status
