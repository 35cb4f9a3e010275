-- Grain: one row per key of orders: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('orders') }}
