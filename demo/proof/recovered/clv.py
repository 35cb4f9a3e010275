"""Lifetime value: purchases and value in the year after the as-of day."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from demo.proof import people
from demo.proof.bounds import STRICT_FROM, allowance, around, near_oracle, over_naive
from demo.proof.row import Row, does_not_apply, judged, refused
from demo.proof.statistics import Estimate, Floats, difference, mean, poisson_slope, quantile_level, ratio
from demo.proof.trial import Trial

YEAR, CHURN_DAYS = 365, 28
WEEKS_PER_YEAR, DAYS_PER_WEEK = 52, 7
QUANTILES = {"p10": 0.10, "p50": 0.50, "p90": 0.90}
QUANTILE_TOLERANCE = 0.02
STRATA = {"0": (0, 0), "1": (1, 1), "2 to 4": (2, 4), "5 to 9": (5, 9), "10 or more": (10, math.inf)}
"""Repeat purchases so far, fewest and most."""
STRATUM_TOLERANCE, STRATUM_ERRORS = 0.01, 2.0
"""Of a level within a stratum, and the standard errors that come to it in a company of any size: few buy often."""
FEWEST = 20
VALUE_TOLERANCE = 0.05
SUM_TOLERANCE, RMSE_SHARE, SLOPE_TOLERANCE, ALIVE_SHARE = 0.05, 1.03, 0.07, 1.04
SUM_UNKNOWN = ("shock", "truncated")
"""Here the sum may be further from the oracle's: only the oracle knows that the event which made customers leave is
over, and when customers arrived who are older than the data."""
SLOPE_UNKNOWN, ALIVE_UNKNOWN = ("correlated",), ("correlated", "retail")
"""Here customers who buy seldom leave sooner, or leave for reasons that no purchase shows: the purchase models take
rates to buy and to leave as independent, so they hold too many one-time buyers alive."""
MODEL_WORLD = "clean"
"""In these worlds the purchases follow the fitted model, so only chance may separate the two."""

PREDICTED = """
    select
        buyers.person_id,
        buyers.purchases,
        buyers.value,
        count(scored.customer_id) as customers,
        coalesce(sum(scored.expected_purchases), 0.0) as expected,
        coalesce(sum(cast(scored.clv_future as double)), 0.0) as expected_value,
        max(cast(scored.clv_future_p10 as double)) as p10,
        max(cast(scored.clv_future_p50 as double)) as p50,
        max(cast(scored.clv_future_p90 as double)) as p90,
        max(scored.p_alive) as p_alive,
        coalesce(max(features.purchase_days), 1) - 1 as repeats,
        any_value(persons.left_at is null or persons.left_at >= $end) as is_alive,
        coalesce(sum((features.purchase_days - 1) / nullif(features.tenure_days, 0) * {year}), 0.0) as naive,
        coalesce(sum(
            (features.purchase_days - 1) / nullif(features.tenure_days, 0) * {year}
            * features.net_sales / features.purchase_days), 0.0) as naive_value,
        bool_and(shared.persons is null) as is_one_person
    from buyers
    inner join truth.persons as persons using (person_id)
    left join owners using (person_id)
    left join {scores} as scored using (customer_id)
    left join (select * from features where as_of_date = $as_of) as features using (customer_id)
    left join (select customer_id, count(*) as persons from links group by customer_id having count(*) > 1) as shared
        using (customer_id)
    group by all
    order by buyers.person_id
"""


@dataclass(frozen=True)
class Forecast:
    """Persons known to buy by the as-of day: prediction, outcome, naive rate and, where sampled, the oracle."""

    frame: pd.DataFrame

    def column(self, name: str) -> Floats:
        """Return a column as float64."""
        return self.frame[name].to_numpy(np.float64)

    @property
    def sampled(self) -> "Forecast":
        """Return the persons for whom the oracle made a forecast."""
        return Forecast(self.frame[self.frame["oracle"].notna()])

    @property
    def single(self) -> "Forecast":
        """Return persons with one customer of their own, because a distribution belongs to one customer."""
        return Forecast(self.frame[(self.frame["customers"] == 1) & self.frame["is_one_person"]])


def daily_rate(annual_rate: float) -> float:
    """Continuous discount rate per day of a yearly rate: ln(1 + r)/52 per week (docs/settings.md)."""
    return math.log1p(annual_rate) / WEEKS_PER_YEAR / DAYS_PER_WEEK


def forecast(trial: Trial) -> Forecast | None:
    """Return prediction beside outcome; None where no model of lifetime value is published."""
    scores = trial.scores("clv")
    if scores is None or not trial.value(f"select count(expected_purchases) from {scores}"):
        return None
    rate = trial.value(f"select max(annual_discount_rate) from {scores}")
    people.buyers(trial, days=YEAR, churn_days=CHURN_DAYS, daily_rate=daily_rate(float(rate)))
    frame = trial.query(PREDICTED.format(scores=scores, year=YEAR), {"as_of": trial.as_of, "end": trial.end})
    if trial.has_truth("oracle"):
        oracle = trial.query(
            "select person_id, expected_purchases as oracle, expected_value as oracle_value, p_alive as oracle_alive"
            " from truth.oracle"
        )
        frame = frame.merge(oracle, on="person_id", how="left")
    else:
        frame = frame.assign(oracle=np.nan, oracle_value=np.nan, oracle_alive=np.nan)
    return Forecast(frame)


NAMES = {
    "ratio": "clv: expected / true purchases",
    "slope": "clv: Poisson slope, true on expected",
    "rmse": "clv: RMSE of purchases",
    "alive": "clv: Brier score of P(alive)",
    "value": "clv: expected / true value",
    **{name: f"clv: level of {name} of value" for name in QUANTILES},
    **{name: f"clv: levels of value, {name} repeat purchases" for name in STRATA},
}


def measure(trial: Trial, found: Forecast | None) -> list[Row]:
    """Measures of purchases and value; where no model is published, rows that say why.

    In `clean` the model is the world's own, so a refusal fails where there are customers enough to fit it.
    """
    if found is None:
        _, decision = trial.decision("clv")
        allowed = trial.world != MODEL_WORLD or trial.customers < STRICT_FROM
        return [refused(name, decision, is_allowed=allowed) for name in NAMES.values()]
    return [
        totals(trial, found),
        slope(trial, found),
        rmse(trial, found),
        alive(trial, found),
        value(trial, found),
        *levels(trial, found),
        *levels_by_repeats(trial, found),
    ]


def _strict(trial: Trial, low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high} if trial.world == MODEL_WORLD else {}


def totals(trial: Trial, found: Forecast) -> Row:
    """Σŷ/Σy: expected purchase days of a year ahead over the true ones, all persons known to buy.

    The sum is within 5 % of the oracle's, over the persons of its sample; in `clean`, within 3 % of the true one.
    """
    estimate = ratio(found.column("expected"), found.column("purchases"))
    bounds = _strict(trial, *around(1.0, 0.03, estimate, trial.customers))
    sampled = found.sampled
    if not bounds and trial.world not in SUM_UNKNOWN and len(sampled.frame):
        against = ratio(sampled.column("expected"), sampled.column("oracle"))
        low, high = around(1.0, SUM_TOLERANCE, against, trial.customers)
        bounds = {"low": low * estimate.value / against.value, "high": high * estimate.value / against.value}
    away = int((found.frame["customers"] == 0).sum())
    return judged(
        NAMES["ratio"], estimate.value, truth=1.0, naive=ratio(found.column("naive"), found.column("purchases")).value,
        oracle=ratio(sampled.column("oracle"), sampled.column("purchases")).value, **bounds,
        note=f"{len(found.frame):,} persons, {found.column('purchases').sum():,.0f} purchases"
        + (f", {away:,} without a customer" if away else ""),
    )  # fmt: skip


def slope(trial: Trial, found: Forecast) -> Row:
    """Slope of the Poisson regression of y on log ŷ: below 1 the expectations differ too much between persons."""
    actual = found.column("purchases")
    estimate = poisson_slope(actual, found.column("expected"))
    tolerance = 0.05 if trial.world == MODEL_WORLD else SLOPE_TOLERANCE
    low, high = around(1.0, tolerance, estimate, trial.customers)
    is_bound, sampled = trial.world not in SLOPE_UNKNOWN, found.sampled
    return judged(
        NAMES["slope"], estimate.value, truth=1.0, naive=poisson_slope(actual, found.column("naive")).value,
        oracle=poisson_slope(sampled.column("purchases"), sampled.column("oracle")).value,
        low=low if is_bound else None, high=high if is_bound else None,
        note="naive: of those who came back, as the others have a rate of 0",
    )  # fmt: skip


def rmse(trial: Trial, found: Forecast) -> Row:
    """Root mean squared error of purchases: within 3 % of the oracle's, never worse than the own rate so far, x/T."""
    actual = found.column("purchases")
    errors = {name: (found.column(name) - actual) ** 2 for name in ("expected", "naive")}
    gap = difference(errors["expected"], errors["naive"])
    sampled = found.sampled
    theirs = (sampled.column("oracle") - sampled.column("purchases")) ** 2
    oracle = math.sqrt(mean(theirs))
    high = math.sqrt(errors["naive"].mean() + over_naive(gap.error, trial.customers))
    if len(theirs):
        ours = (sampled.column("expected") - sampled.column("purchases")) ** 2
        mse = near_oracle(RMSE_SHARE**2, ours, theirs, float(errors["expected"].mean()), trial.customers)
        high = min(high, math.sqrt(mse))
    return judged(
        NAMES["rmse"], math.sqrt(errors["expected"].mean()), oracle=oracle,
        naive=math.sqrt(errors["naive"].mean()), high=high,
        note=f"oracle: of a sample of {len(sampled.frame):,}" if 0 < len(sampled.frame) < len(found.frame) else "",
    )  # fmt: skip


def alive(trial: Trial, found: Forecast) -> Row:
    """Brier score of P(alive) of persons with one customer of their own, against who has not left by the as-of day.

    The naive baseline gives each person the share of persons who are still customers. Where leaving follows the model,
    the score is within 4 % of the oracle's.
    """
    single = Forecast(found.single.frame[found.single.frame["p_alive"].notna()])
    is_alive = single.column("is_alive")
    errors = (single.column("p_alive") - is_alive) ** 2
    sampled = single.sampled
    theirs = (sampled.column("oracle_alive") - sampled.column("is_alive")) ** 2
    bounds: dict[str, float] = {}
    if trial.world not in ALIVE_UNKNOWN and len(theirs):
        gap = difference((sampled.column("p_alive") - sampled.column("is_alive")) ** 2, theirs)
        bounds["high"] = ALIVE_SHARE * mean(theirs) + allowance(gap.error, trial.customers)
    return judged(
        NAMES["alive"], mean(errors), oracle=mean(theirs), naive=float(np.var(is_alive)), **bounds,
        note=f"{mean(is_alive):.1%} of {len(is_alive):,} are still customers",
    )  # fmt: skip


def value(trial: Trial, found: Forecast) -> Row:
    """Σ expected value / Σ true value of a year ahead: net sales, discounted, before refunds and costs (score file)."""
    actual = found.column("value")
    estimate = ratio(found.column("expected_value"), actual)
    bounds = around(1.0, VALUE_TOLERANCE, estimate, trial.customers)
    sampled = found.sampled
    return judged(
        NAMES["value"], estimate.value, truth=1.0, naive=ratio(found.column("naive_value"), actual).value,
        oracle=ratio(sampled.column("oracle_value"), sampled.column("value")).value, **_strict(trial, *bounds),
        note=f"true value {actual.sum():,.2f}; the oracle's is not discounted",
    )  # fmt: skip


def levels(trial: Trial, found: Forecast) -> list[Row]:
    """Quantiles of the value, of persons with one customer of their own: share(y < q) <= level <= share(y <= q).

    Recovered is the level itself where this holds, else the nearer of the two shares. Only persons with a quantile
    above 0 are asked: at 0 lies the chance of no purchase, of which the quantile says only that it is large.
    """
    rows = []
    for name, level in QUANTILES.items():
        frame = found.single.frame
        known = Forecast(frame[frame[name] > 0])
        if len(known.frame) < FEWEST:
            rows.append(does_not_apply(NAMES[name], f"{len(known.frame)} persons have a quantile above 0"))
            continue
        reached = quantile_level(known.column("value"), known.column(name), level)
        chance = Estimate(level, math.sqrt(level * (1 - level) / len(known.frame)))
        low, high = around(level, QUANTILE_TOLERANCE, chance, trial.customers)
        note = f"{len(known.frame):,} persons with a quantile above 0"
        rows.append(
            judged(NAMES[name], reached, truth=level, **_strict(trial, max(low, 0.0), min(high, 1.0)), note=note)
        )
    return rows


def levels_by_repeats(trial: Trial, found: Forecast) -> list[Row]:
    """Quantiles of the value by how often a person has bought again: share(y < q) <= level <= share(y <= q).

    Recovered is the largest distance of the three levels from where this holds. Persons with a quantile of 0 count too.
    """
    rows = []
    for name, (fewest, most) in STRATA.items():
        single = found.single.frame
        some = Forecast(single[single["repeats"].between(fewest, most) & single["p50"].notna()])
        if len(some.frame) < FEWEST:
            rows.append(does_not_apply(NAMES[name], f"{len(some.frame)} persons"))
            continue
        value, chance = some.column("value"), math.sqrt(0.25 / len(some.frame))
        away = max(abs(quantile_level(value, some.column(q), level) - level) for q, level in QUANTILES.items())
        bound = STRATUM_TOLERANCE + max(STRATUM_ERRORS * chance, allowance(chance, trial.customers))
        rows.append(
            judged(NAMES[name], away, truth=0.0, **_strict(trial, 0.0, bound), note=f"{len(some.frame):,} persons")
        )
    return rows


def curves(found: Forecast | None) -> pd.DataFrame | None:
    """Return expected, true, naive and the oracle's mean purchases by tenth of the expectation, for the picture."""
    if found is None:
        return None
    rank = found.frame["expected"].rank(method="first")
    tenth = np.ceil(rank * 10 / len(found.frame)).astype(int)
    return found.frame.groupby(tenth)[["expected", "purchases", "naive", "oracle"]].mean()
