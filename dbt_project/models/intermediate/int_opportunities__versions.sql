-- Grain: one row per landed row of opportunities, with its fate.
{{ conform('opportunities') }}
