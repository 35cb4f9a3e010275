-- Grain: one row per key of consents: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('consents') }}
