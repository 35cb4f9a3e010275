"""Churn: the chance of no purchase in the 28 days after the as-of day."""

from datetime import timedelta

import numpy as np
import pandas as pd
from scipy.special import expit

from demo.proof import people
from demo.proof.bounds import STRICT_FROM, around, near_oracle, over_naive
from demo.proof.recovered.clv import CHURN_DAYS, MODEL_WORLD, YEAR
from demo.proof.row import Row, judged, refused
from demo.proof.statistics import auc, calibration_line, difference, logistic_fit, mean
from demo.proof.trial import Trial

NAMES = {
    "brier": "churn: Brier score",
    "slope": "churn: calibration slope",
    "intercept": "churn: calibration intercept",
    "auc": "churn: AUC",
}
BINS = 10
BRIER_SHARE, SEASON_TOLERANCE = 1.04, 0.3

PREDICTED = """
    select
        buyers.person_id,
        cast(not buyers.has_soon_bought as double) as outcome,
        exp(sum(ln(greatest(churn.churn_probability, 1e-9)))) as probability,
        min(features.recency_days) as recency
    from buyers
    inner join owners using (person_id)
    inner join published.marts.customer_churn as churn using (customer_id)
    inner join (select * from features where as_of_date = $as_of) as features using (customer_id)
    where churn.churn_probability is not null
    group by all
    order by buyers.person_id
"""
LEARNED = """
    select before.recency_days as recency, cast(later.purchase_days = before.purchase_days as double) as outcome
    from features as before
    inner join features as later using (customer_id)
    where before.as_of_date = $before and later.as_of_date = $as_of and before.recency_days < $at_risk
    order by before.customer_id
"""


def forecast(trial: Trial) -> pd.DataFrame | None:
    """Return persons with a published probability, their outcome and recency; None where no model is published.

    Of several customers of one person the probabilities multiply: none of them buys.
    """
    if not trial.value("select count(churn_probability) from published.marts.customer_churn"):
        return None
    people.buyers(trial, days=YEAR, churn_days=CHURN_DAYS, daily_rate=0.0)
    frame = trial.query(PREDICTED, {"as_of": trial.as_of})
    if trial.has_truth("oracle"):
        oracle = trial.query("select person_id, p_no_purchase_28d as oracle from truth.oracle")
        frame = frame.merge(oracle, on="person_id", how="left")
    else:
        frame["oracle"] = np.nan
    return frame.assign(naive=_recency_alone(trial, frame))


def _recency_alone(trial: Trial, frame: pd.DataFrame) -> np.ndarray:
    """Return the naive model's probabilities: logistic in log(1 + recency), fitted 28 days before the as-of day."""
    parameters = {
        "before": trial.as_of - timedelta(days=CHURN_DAYS), "as_of": trial.as_of,
        "at_risk": int(frame["recency"].max()) + 1,
    }  # fmt: skip
    learned = trial.query(LEARNED, parameters)
    slope, intercept = logistic_fit(np.log1p(learned["recency"].to_numpy(float)), learned["outcome"].to_numpy(float))
    return np.asarray(expit(intercept + slope * np.log1p(frame["recency"].to_numpy(float))))


def measure(trial: Trial, found: pd.DataFrame | None) -> list[Row]:
    """Measures of churn over the customers with a probability; where no model is published, rows that say why."""
    if found is None:
        allowed = trial.world != MODEL_WORLD or trial.customers < STRICT_FROM
        return [refused(name, trial.decision("churn")[1], is_allowed=allowed) for name in NAMES.values()]
    return [brier(trial, found), *calibration(trial, found), discrimination(found)]


def _squares(found: pd.DataFrame, name: str) -> np.ndarray:
    return (found[name].to_numpy(float) - found["outcome"].to_numpy(float)) ** 2


def brier(trial: Trial, found: pd.DataFrame) -> Row:
    """Brier score (1950): within 4 % of the oracle's; without an oracle, not worse than naive."""
    model, naive = _squares(found, "probability"), _squares(found, "naive")
    sampled = found[found["oracle"].notna()]
    theirs = _squares(sampled, "oracle")
    oracle = mean(theirs)
    if len(sampled):
        ours = _squares(sampled, "probability")
        high = near_oracle(BRIER_SHARE, ours, theirs, float(model.mean()), trial.customers)
    else:
        high = float(naive.mean()) + over_naive(difference(model, naive).error, trial.customers)
    note = f"{len(found):,} persons at risk, {found['outcome'].mean():.1%} bought nothing in {CHURN_DAYS} days"
    if 0 < len(sampled) < len(found):
        note += f"; oracle: of {len(sampled):,} of them"
    return judged(NAMES["brier"], float(model.mean()), oracle=oracle, naive=float(naive.mean()), high=high, note=note)


def calibration(trial: Trial, found: pd.DataFrame) -> list[Row]:
    """Slope (1) and intercept (0) of the logistic regression of the outcome on logit(p).

    Within .1 in `clean`. Elsewhere the intercept may be .3 off: what is to come moves all customers at once.
    """
    outcome = found["outcome"].to_numpy(float)
    lines = {
        name: calibration_line(part["outcome"].to_numpy(float), part[name].to_numpy(float))
        for name, part in (("oracle", found[found["oracle"].notna()]), ("naive", found))
    }
    rows = []
    for place, (key, target) in enumerate((("slope", 1.0), ("intercept", 0.0))):
        estimate = calibration_line(outcome, found["probability"].to_numpy(float))[place]
        is_season = key == "intercept" and trial.world != MODEL_WORLD
        low, high = around(target, SEASON_TOLERANCE if is_season else 0.1, estimate, trial.customers)
        rows.append(
            judged(
                NAMES[key], estimate.value, truth=target, oracle=lines["oracle"][place].value,
                naive=lines["naive"][place].value, low=low, high=high,
            )
        )  # fmt: skip
    return rows


def discrimination(found: pd.DataFrame) -> Row:
    """Area under the ROC curve: how well the order of the probabilities tells who buys nothing."""
    outcome, sampled = found["outcome"].to_numpy(float), found[found["oracle"].notna()]
    return judged(
        NAMES["auc"],
        auc(outcome, found["probability"].to_numpy(float)),
        oracle=auc(sampled["outcome"].to_numpy(float), sampled["oracle"].to_numpy(float)),
        naive=auc(outcome, found["naive"].to_numpy(float)),
    )


def curves(found: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return mean probability and share without a purchase by tenth of the probability, for the picture."""
    if found is None:
        return None
    rank = found["probability"].rank(method="first")
    tenth = np.ceil(rank * BINS / len(found)).astype(int)
    return found.groupby(tenth)[["probability", "outcome", "oracle"]].mean()
