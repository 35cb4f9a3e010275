-- Grain: one row per (source system, campaign_id that it names), where that campaign is known, perhaps from another system.
{{ references_to('campaigns', 'campaign_id') }}
