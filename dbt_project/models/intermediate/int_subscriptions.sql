-- Grain: one row per key of subscriptions: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('subscriptions') }}
