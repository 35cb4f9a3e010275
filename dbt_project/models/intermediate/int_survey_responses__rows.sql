-- Grain: one row per landed row of survey responses, with its fate.
with {{ conform('survey_responses') }}
