-- Grain: one row per key of contacts: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('contacts') }}
