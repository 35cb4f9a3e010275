-- Grain: one row per landed row of returns, with its fate.
with {{ conform('returns') }}
