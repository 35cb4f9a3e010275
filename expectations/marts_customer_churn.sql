-- Grain: one row per row of marts.customer_churn.
select
    customer_id,
    cast(churn_probability as double) as churn_probability,
    risk_band,
    horizon_days,
    (churn_probability is null) = (risk_band is not null)
    or (churn_probability is null) = (unavailable_reason is null) as is_unexplained,
    churn_probability is not null as is_scored
from marts.customer_churn
