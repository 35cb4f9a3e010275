-- Grain: one row per landed row of campaign responses, with its fate.
{{ conform('campaign_responses') }}
