-- Grain: one row per key of costs: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('costs') }}
