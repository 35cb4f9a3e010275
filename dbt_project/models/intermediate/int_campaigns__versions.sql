-- Grain: one row per landed row of campaigns, with its fate.
{{ conform('campaigns') }}
