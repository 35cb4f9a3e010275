-- Grain: one row per key of campaign contacts: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('campaign_contacts') }}
