-- Grain: one row per key of customers: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('customers') }}
