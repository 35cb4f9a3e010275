-- Grain: one row per landed row of customers, with its fate.
with {{ conform('customers') }}
