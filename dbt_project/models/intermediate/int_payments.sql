-- Grain: one row per key of payments: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('payments') }}
