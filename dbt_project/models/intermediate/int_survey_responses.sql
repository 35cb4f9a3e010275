-- Grain: one row per key of survey responses: the current accepted version.
{{ config(materialized='view') }}

{{ current_rows('survey_responses') }}
