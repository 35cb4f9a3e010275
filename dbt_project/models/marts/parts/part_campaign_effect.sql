-- Grain: one row per (campaign, measure): difference per customer between the treated and the control arm.
-- The mining job effects computes it (mining/effects): Welch's test, for campaigns with a control group whose windows
-- are over, and with 30 customers or more in both arms. Where the job failed, there are no numbers, and its reason.
select
    campaign_id,
    measure,
    effect,
    effect_low,
    effect_high,
    p_value,
    unavailable_reason
from {{ scores('effects') }}
