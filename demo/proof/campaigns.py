"""Campaign effect: is the true effect in the published interval, and is none claimed where there is none?"""

import math

import pandas as pd

from demo.proof.row import Row, judged, not_yet
from demo.proof.trial import Trial

TABLE = "marts.campaign_performance"
COVERAGE, FALSE_CLAIMS, FOUND = (
    "campaigns: intervals that hold the true effect",
    "campaigns: certain effects where there is none",
    "campaigns: true effects found certain",
)
LEVEL = 0.95
ERRORS = 3.0

EFFECTS = """
    with truly as (
        select
            campaign_code,
            avg(purchases_if_treated - purchases_if_control) as effect,
            max(purchases_if_treated - purchases_if_control) > 0 as has_effect
        from truth.campaign_outcomes
        group by campaign_code
    )

    select
        performance.campaign_id,
        performance.{estimate} as estimate,
        performance.ci_low,
        performance.ci_high,
        performance.is_effect_certain,
        truly.effect,
        truly.has_effect
    from published.marts.campaign_performance as performance
    inner join truly on performance.campaign_id = truly.campaign_code
    where performance.ci_low is not null
    order by performance.campaign_id
"""
ESTIMATE = "incremental_purchases_per_customer"


def effects(trial: Trial) -> pd.DataFrame | None:
    """Return the published effect and interval of each campaign beside the true one; None where none is published."""
    if not trial.has(TABLE, ESTIMATE, "ci_low", "ci_high", "is_effect_certain"):
        return None
    return trial.query(EFFECTS.format(estimate=ESTIMATE))


def measure(frame: pd.DataFrame | None) -> list[Row]:
    """Coverage of the 95 % intervals, certain effects of campaigns without one, true effects found.

    The true effect is the mean of purchases if treated less purchases if control over a campaign's whole audience
    (`truth/campaign_outcomes`): both potential outcomes are known. Coverage may fall short of 95 % by three binomial
    standard errors; without an effect as many false claims are allowed as so many intervals make by chance.
    """
    if frame is None or frame.empty:
        note = "no table marts.campaign_performance" if frame is None else "no campaign has an interval"
        return [not_yet(name, note) for name in (COVERAGE, FALSE_CLAIMS, FOUND)]
    covered = (frame["ci_low"] <= frame["effect"]) & (frame["effect"] <= frame["ci_high"])
    silent, loud = frame[~frame["has_effect"]], frame[frame["has_effect"]]
    chance = math.sqrt(LEVEL * (1 - LEVEL) / len(frame))
    rows = [
        judged(COVERAGE, float(covered.mean()), truth=LEVEL, low=LEVEL - ERRORS * chance, note=f"{len(frame)} campaigns")
    ]
    if len(silent):
        claims = float(silent["is_effect_certain"].sum())
        rows.append(judged(FALSE_CLAIMS, claims, truth=0.0, low=0.0, high=0.0, note=f"{len(silent)} without effect"))
    if len(loud):
        found = float(loud["is_effect_certain"].mean())
        rows.append(judged(FOUND, found, truth=1.0, note=f"{len(loud)} with an effect; small ones need many customers"))
    return rows
