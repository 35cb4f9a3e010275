-- Grain: one row per landed row of exchange rates, with its fate.
with {{ conform('fx_rates') }}
