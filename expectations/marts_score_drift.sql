-- Grain: one row per row of marts.score_drift.
select
    run_id,
    name,
    coalesce(finding, name || ': ' || verdict) as finding,
    verdict = 'drifted' as has_drifted
from marts.score_drift
