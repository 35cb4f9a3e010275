-- Grain: one row per key of returns: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('returns') }}
