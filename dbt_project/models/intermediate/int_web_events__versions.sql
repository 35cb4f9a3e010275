-- Grain: one row per landed row of web events, with its fate.
{{ conform('web_events') }}
