-- Grain: one row per payment, or attempt at one. Key: payment_id.
-- Money received: amount where not is_failed. Tax is in it.
-- amount is converted at the rate of the day of the payment, an order at the rate of the day of the order.
with payments as (
    select
        *,
        {{ local_date('paid_at') }} as payment_date
    from {{ ref('int_payments') }}
),

order_references as (
    select source_system, source_id as source_order_id, core_id as order_id from {{ ref('int_references') }}
    where entity = 'orders'
),

orders as (
    select * from {{ ref('fct_order') }}
),

final as (
    select
        payments.source_system || ':' || payments.payment_id as payment_id,
        coalesce(orders.order_id, 'not_in_data') as order_id,
        coalesce(orders.customer_id, 'unknown') as customer_id,
        payments.source_system,
        payments.method,
        coalesce(payments.currency, '{{ var("currency") }}') as original_currency,
        payments.amount as original_amount,
        {{ converted('payments.amount') }} as amount,
        coalesce(payments.is_failed, false) as is_failed,
        payments.payment_date,
        coalesce({{ local_date('payments._known_from') }}, payments.payment_date) as known_date,
        payments.paid_at
    from payments
    left join order_references
        on
            payments.source_system = order_references.source_system
            and payments.order_id = order_references.source_order_id
    left join orders on order_references.order_id = orders.order_id
    {{ exchange_rates_on('payments.currency', 'payments.payment_date') }}
)

{{ with_version('customer', 'final', 'payment_date') }}
