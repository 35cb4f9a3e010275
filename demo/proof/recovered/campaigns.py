"""Campaign effect: the true one lies in the published interval, and none is claimed where there is none."""

import math

import pandas as pd

from demo.proof.bounds import ERRORS
from demo.proof.row import Row, does_not_apply, judged, not_yet
from demo.proof.trial import Trial

TABLE = "marts.campaign_performance"
COVERAGE, FALSE_CLAIMS, FOUND = (
    "campaigns: intervals with the truth",
    "campaigns: certain without effect",
    "campaigns: effects found certain",
)
LEVEL = 0.95

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
        performance.incremental_purchases_per_customer as estimate,
        performance.incremental_purchases_per_customer_low as ci_low,
        performance.incremental_purchases_per_customer_high as ci_high,
        performance.is_effect_certain,
        truly.effect,
        truly.has_effect
    from published.marts.campaign_performance as performance
    inner join truly on performance.campaign_id = 'demo_marketing:' || truly.campaign_code
    where performance.incremental_purchases_per_customer_low is not null
    order by performance.campaign_id
"""


def effects(trial: Trial) -> pd.DataFrame | None:
    """Return the published effect and interval of each campaign beside the true one; None where none is published."""
    if not trial.has(TABLE):
        return None
    return trial.query(EFFECTS)


def measure(frame: pd.DataFrame | None) -> list[Row]:
    """Coverage of the 95 % intervals, certain effects of campaigns without one, true effects found.

    The true effect is the mean of purchases if treated less purchases if control over a campaign's whole audience
    (`truth/campaign_outcomes`): both potential outcomes are known. Coverage may fall short of 95 % by three binomial
    standard errors. Of campaigns without an effect none may be called certain: `is_effect_certain` is corrected for the
    number of campaigns. Where nothing works chance alone makes one such claim in about twenty releases; where others
    work, of twenty that are called certain one is expected to be chance (false discovery rate).
    """
    if frame is None:
        return [not_yet(name, f"there is no {TABLE}") for name in (COVERAGE, FALSE_CLAIMS, FOUND)]
    if frame.empty:
        return [does_not_apply(name, "no campaign could be judged") for name in (COVERAGE, FALSE_CLAIMS, FOUND)]
    covered = (frame["ci_low"] <= frame["effect"]) & (frame["effect"] <= frame["ci_high"])
    silent, loud = frame[~frame["has_effect"]], frame[frame["has_effect"]]
    chance = math.sqrt(LEVEL * (1 - LEVEL) / len(frame))
    low, note = LEVEL - ERRORS * chance, f"{len(frame)} campaigns"
    rows = [judged(COVERAGE, float(covered.mean()), truth=LEVEL, low=low, note=note)]
    if len(silent):
        claims = float(silent["is_effect_certain"].sum())
        rows.append(judged(FALSE_CLAIMS, claims, truth=0.0, low=0.0, high=0.0, note=f"{len(silent)} without effect"))
    if len(loud):
        found = float(loud["is_effect_certain"].mean())
        rows.append(judged(FOUND, found, truth=1.0, note=f"{len(loud)} with an effect; small ones need many customers"))
    return rows
