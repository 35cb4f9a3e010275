-- Grain: one row per (subscription_id, horizon_days), of subscriptions that run on the as-of date: the chance that the
-- contract ends within the horizon. Of one subscription a longer horizon never has a lower probability.
select
    subscription_id,
    horizon_days,
    cast(as_of_date as date) as as_of_date,
    run_id,
    model_version,
    customer_id,
    kind,
    end_probability,
    voluntary_probability,
    involuntary_probability,
    renewals,
    cast(next_renewal_date as date) as next_renewal_date,
    is_judged,
    unavailable_reason
from {{ scores('subscription_ends') }}
