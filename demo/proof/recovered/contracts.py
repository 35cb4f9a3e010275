"""Contracts: how many of the plant club's running memberships end within a horizon."""

import math

from demo.proof.bounds import around
from demo.proof.recovered.clv import YEAR
from demo.proof.row import Row, does_not_apply, judged, refused
from demo.proof.statistics import Estimate
from demo.proof.trial import Trial
from demo.systems.shop import MEAN_MEMBERSHIP_DAYS, NOTICE_DAYS

NAME = "contracts: ends in a year over the true ones"
TOLERANCE = 0.15

EXPECTED = """
    select
        sum(ends.end_probability) as said,
        sum(ends.end_probability * (1 - ends.end_probability)) as variance,
        sum(
            case
                when persons.left_at + to_days($notice) <= $end + to_days($days) then 1
                else 1 - exp(-$days / $mean)
            end
        ) as expected,
        count(*) as running
    from published.marts.subscription_ends as ends
    inner join owners using (customer_id)
    inner join truth.persons as persons using (person_id)
    where ends.horizon_days = $days
"""


def measure(trial: Trial) -> list[Row]:
    """Said over expected ends of the memberships that run on the as-of day.

    What is expected knows when each member leaves the company: a membership then ends two weeks later. The others end
    at a constant rate. Within 15 %, and as much more as chance makes of the ends that were seen and of those to come.
    """
    if not trial.has("marts.subscription_ends"):
        return []
    running, scored = trial.query(
        "select count(*) as running, count(end_probability) as scored from published.marts.subscription_ends"
    ).iloc[0]
    if not running:
        return [does_not_apply(NAME, "no membership runs")]
    if not scored:
        return [refused(NAME, trial.decision("subscriptions")[1])]
    return [_row(trial, float(trial.value("select count(end_date) from published.core.fct_subscription")))]


def _row(trial: Trial, ended: float) -> Row:
    parameters = {"days": YEAR, "end": trial.end, "notice": NOTICE_DAYS, "mean": float(MEAN_MEMBERSHIP_DAYS)}
    said, variance, expected, running = map(float, trial.query(EXPECTED, parameters).iloc[0])
    value = said / expected
    error = math.sqrt(value**2 / max(ended, 1.0) + variance / expected**2)
    low, high = around(1.0, TOLERANCE, Estimate(value, error), trial.customers)
    note = f"{int(running):,} run, {expected:,.1f} are expected to end"
    return judged(NAME, value, truth=1.0, low=low, high=high, note=note)
