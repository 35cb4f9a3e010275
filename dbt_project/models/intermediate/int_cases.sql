-- Grain: one row per key of cases: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('cases') }}
