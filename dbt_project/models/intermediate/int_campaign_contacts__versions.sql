-- Grain: one row per landed row of campaign contacts, with its fate.
{{ conform('campaign_contacts') }}
