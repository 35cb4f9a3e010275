-- Grain: one row per run_id: the models behind this release, how they were judged, and whether they are published.
select
    run_id,
    job,
    model_version,
    cast(as_of_date as date) as as_of_date,
    cast(train_window_start as date) as train_window_start,
    cast(train_window_end as date) as train_window_end,
    cast(holdout_start as date) as holdout_start,
    cast(holdout_end as date) as holdout_end,
    parameters,
    metrics,
    baseline_name,
    baseline_metrics,
    is_converged,
    is_published,
    decision,
    failure,
    code_version,
    input_hash
from {{ scores('model_runs') }}
