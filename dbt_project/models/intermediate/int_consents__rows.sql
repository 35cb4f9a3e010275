-- Grain: one row per landed row of consents, with its fate.
with {{ conform('consents') }}
