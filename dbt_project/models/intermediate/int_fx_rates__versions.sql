-- Grain: one row per landed row of exchange rates, with its fate.
{{ conform('fx_rates') }}
