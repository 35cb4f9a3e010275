-- Grain: one row per landed row of subscriptions, with its fate.
{{ conform('subscriptions') }}
