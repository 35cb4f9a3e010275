-- Grain: one row per landed row of survey responses, with its fate.
{{ conform('survey_responses') }}
