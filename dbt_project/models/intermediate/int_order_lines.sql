-- Grain: one row per key of order lines: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('order_lines') }}
