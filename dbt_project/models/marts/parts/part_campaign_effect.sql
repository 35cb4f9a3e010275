-- Grain: one row per (campaign, segment, measure): difference per customer between the treated and the control arm. The
-- mining job effects computes it (mining/effects), for campaigns with 30 customers or more in both arms. Before the
-- last outcome window is over intervals are always valid, and there is no p-value. Where a measure cannot be told, or
-- the job failed, there are no numbers, and the reason.
select
    campaign_id,
    segment,
    measure,
    effect,
    effect_low,
    effect_high,
    p_value,
    adjusted_p_value,
    shrunk_effect,
    shrunk_effect_low,
    shrunk_effect_high,
    sample_ratio_p_value,
    unavailable_reason
from {{ scores('effects') }}
