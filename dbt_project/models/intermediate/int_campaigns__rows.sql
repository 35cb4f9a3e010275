-- Grain: one row per landed row of campaigns, with its fate.
with {{ conform('campaigns') }}
