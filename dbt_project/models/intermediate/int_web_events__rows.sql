-- Grain: one row per landed row of web events, with its fate.
with {{ conform('web_events') }}
