-- Grain: one row per (measure, horizon_days): the newest forecast of it that is graded. Far off: too high or too low beyond chance, and
-- by more than a tenth of what happened.
select
    measure,
    horizon_days,
    as_of_date,
    model_version,
    forecast_mean,
    outcome_mean,
    is_bias_certain and abs(bias) > 0.1 * abs(outcome_mean) as is_far_off
from marts.score_outcomes
qualify as_of_date = max(as_of_date) over (partition by measure, horizon_days)
