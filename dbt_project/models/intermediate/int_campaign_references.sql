-- Grain: one row per (source system, campaign_id that it names) of which the campaign is known, perhaps from another system.
{{ references_to('campaigns', 'campaign_id') }}
