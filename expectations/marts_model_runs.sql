-- Grain: one row per row of marts.model_runs.
select
    job,
    run_id,
    decision,
    failure is not null as has_failed,
    failure is not null and is_published as is_published_in_spite_of_an_error
from marts.model_runs
