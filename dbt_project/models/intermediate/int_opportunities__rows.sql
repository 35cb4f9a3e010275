-- Grain: one row per landed row of opportunities, with its fate.
with {{ conform('opportunities') }}
