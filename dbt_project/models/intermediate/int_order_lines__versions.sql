-- Grain: one row per landed row of order lines, with its fate.
{{ conform('order_lines') }}
