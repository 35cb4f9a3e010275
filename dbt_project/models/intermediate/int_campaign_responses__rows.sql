-- Grain: one row per landed row of campaign responses, with its fate.
with {{ conform('campaign_responses') }}
