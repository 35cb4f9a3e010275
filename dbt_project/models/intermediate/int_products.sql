-- Grain: one row per key of products: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('products') }}
