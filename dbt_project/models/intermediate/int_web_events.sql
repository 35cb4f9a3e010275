-- Grain: one row per key of web events: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('web_events') }}
