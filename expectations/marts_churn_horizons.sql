-- Grain: one row per row of marts.churn_horizons. Contradicts: above the probability of a shorter horizon, or at the
-- first horizon another one than that of marts.customer_churn.
select
    horizons.customer_id,
    horizons.horizon_days,
    cast(horizons.churn_probability as double) as churn_probability,
    coalesce(
        horizons.churn_probability > min(horizons.churn_probability) over (
            partition by horizons.customer_id
            order by horizons.horizon_days
            rows between unbounded preceding and 1 preceding
        ),
        false
    )
    or (horizons.horizon_days = churn.horizon_days and horizons.churn_probability is distinct from churn.churn_probability)
        as is_contradiction
from marts.churn_horizons as horizons
inner join marts.customer_churn as churn on horizons.customer_id = churn.customer_id
