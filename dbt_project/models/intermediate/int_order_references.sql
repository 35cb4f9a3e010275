-- Grain: one row per (source system, order_id that it names), where that order is known, perhaps from another one.
{{ references_to('orders', 'order_id') }}
