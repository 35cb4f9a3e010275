-- Grain: one row per (source system, campaign_id that it names), where that campaign is known, maybe from another one.
{{ references_to('campaigns', 'campaign_id') }}
