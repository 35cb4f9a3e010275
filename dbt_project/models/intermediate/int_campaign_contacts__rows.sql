-- Grain: one row per landed row of campaign contacts, with its fate.
with {{ conform('campaign_contacts') }}
