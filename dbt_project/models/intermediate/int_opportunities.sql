-- Grain: one row per key of opportunities: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('opportunities') }}
