-- Grain: one row per landed row of costs, with its fate.
with {{ conform('costs') }}
