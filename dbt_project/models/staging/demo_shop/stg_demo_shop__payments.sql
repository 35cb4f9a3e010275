-- Grain: one row per payment or attempt at one.
with payments as (
    select * from {{ landed('payments') }}
)

{{ stage('payments', 'payments', columns={
    'payment_id': 'payment_no',
    'order_id': 'order_no',
    'method': 'method',
    'currency': 'currency',
    'amount': 'amount',
    'is_failed': "case status when 'failed' then 'true' when 'ok' then 'false' else status end",
    'paid_at': 'paid_at',
}) }}
