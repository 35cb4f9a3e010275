-- Grain: one row per (run_id, stratum, metric): the model's figure out of time beside the naive baseline's.
select
    run_id,
    job,
    stratum,
    metric,
    "value",
    baseline_value,
    ci_low,
    ci_high,
    "rows"
from {{ scores('model_metrics') }}
