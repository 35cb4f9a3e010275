-- Grain: one row per (customer_id, horizon_days). The first horizon is that of customer_churn, with its probability.
-- Of one customer a longer horizon never has a higher probability (mining/churn/horizons).
select
    customer_id,
    cast(as_of_date as date) as as_of_date,
    run_id,
    model_version,
    kind,
    horizon_days,
    churn_probability,
    is_judged,
    judged_days,
    unavailable_reason
from {{ scores('churn_horizons') }}
