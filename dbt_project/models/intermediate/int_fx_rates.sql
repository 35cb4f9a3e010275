-- Grain: one row per key of exchange rates: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('fx_rates') }}
