-- Grain: one row per landed row of payments, with its fate.
with {{ conform('payments') }}
