-- Grain: one row per landed row of orders, with its fate.
{{ conform('orders') }}
