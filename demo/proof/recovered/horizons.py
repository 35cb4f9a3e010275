"""Churn in several horizons: they do not contradict each other, and each is about what comes."""

import numpy as np

from demo.proof import people
from demo.proof.bounds import around, over_naive
from demo.proof.recovered.clv import CHURN_DAYS, SUM_UNKNOWN, YEAR
from demo.proof.row import Row, does_not_apply, judged
from demo.proof.statistics import difference, ratio
from demo.proof.trial import Trial

CONTRADICTIONS = "churn: customers whose horizons contradict each other"
SUM_TOLERANCE = 0.1

ORDER = """
    select count(*) from (
        select churn_probability > lag(churn_probability) over (
            partition by customer_id order by horizon_days
        ) as is_more
        from published.marts.churn_horizons
    ) where is_more
"""
PREDICTED = """
    select
        buyers.person_id,
        cast(not buyers.has_soon_bought as double) as outcome,
        exp(sum(ln(greatest(horizons.churn_probability, 1e-9)))) as probability,
        bool_and(horizons.is_judged) as is_judged
    from buyers
    inner join owners using (person_id)
    inner join published.marts.churn_horizons as horizons using (customer_id)
    where horizons.horizon_days = $days and horizons.churn_probability is not null
    group by all
    order by buyers.person_id
"""


def measure(trial: Trial) -> list[Row]:
    """Rows of each longer horizon that is published; `churn` measures the first one.

    Of several customers of one person the probabilities multiply: none of them buys.
    """
    if not trial.has("marts.churn_horizons"):
        return []
    days = trial.query(
        "select distinct horizon_days from published.marts.churn_horizons where churn_probability is not null"
        " and horizon_days > $first and horizon_days <= $year order by horizon_days",
        {"first": CHURN_DAYS, "year": YEAR},
    )["horizon_days"].to_list()
    if not days:
        return [does_not_apply(CONTRADICTIONS, "no longer horizon is published")]
    found = float(trial.value(ORDER) or 0)
    rows = [judged(CONTRADICTIONS, found, truth=0.0, low=0.0, high=0.0)]
    for horizon in days:
        rows += _of_horizon(trial, int(horizon))
    return rows


def _of_horizon(trial: Trial, days: int) -> list[Row]:
    people.buyers(trial, days=YEAR, churn_days=days, daily_rate=0.0)
    frame = trial.query(PREDICTED, {"days": days})
    outcome, said = frame["outcome"].to_numpy(float), frame["probability"].to_numpy(float)
    share = np.full(len(frame), outcome.mean())
    model, naive = (said - outcome) ** 2, (share - outcome) ** 2
    high = float(naive.mean()) + over_naive(difference(model, naive).error, trial.customers)
    tested = "" if frame["is_judged"].all() else ", a horizon that the release calls not tested"
    note = f"{len(frame):,} persons at risk, {outcome.mean():.1%} bought nothing{tested}"
    total = ratio(said, outcome)
    low_sum, high_sum = around(1.0, SUM_TOLERANCE, total, trial.customers)
    bounds = {} if trial.world in SUM_UNKNOWN else {"low": low_sum, "high": high_sum}
    return [
        judged(
            f"churn in {days} days: Brier score", float(model.mean()), naive=float(naive.mean()), high=high, note=note
        ),
        judged(f"churn in {days} days: said over true", total.value, truth=1.0, **bounds),
    ]
