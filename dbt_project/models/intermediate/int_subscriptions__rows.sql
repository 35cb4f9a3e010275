-- Grain: one row per landed row of subscriptions, with its fate.
with {{ conform('subscriptions') }}
