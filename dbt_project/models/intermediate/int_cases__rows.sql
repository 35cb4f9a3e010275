-- Grain: one row per landed row of cases, with its fate.
with {{ conform('cases') }}
