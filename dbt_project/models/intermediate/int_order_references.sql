-- Grain: one row per (source system, order_id that it names) of which the order is known, perhaps from another system.
{{ references_to('orders', 'order_id') }}
