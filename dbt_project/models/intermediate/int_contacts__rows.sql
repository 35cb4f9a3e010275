-- Grain: one row per landed row of contacts, with its fate.
with {{ conform('contacts') }}
