-- Grain: one row per key of campaign responses: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('campaign_responses') }}
