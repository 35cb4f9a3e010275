-- Grain: one row per key of campaigns: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('campaigns') }}
