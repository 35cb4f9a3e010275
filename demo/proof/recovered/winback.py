"""The win-back desk: the chance that a customer at risk or lost returns within a year."""

import numpy as np
import pandas as pd

from demo.proof import people
from demo.proof.bounds import around
from demo.proof.recovered.clv import CHURN_DAYS, SUM_TOLERANCE, SUM_UNKNOWN, YEAR
from demo.proof.row import Row, judged, not_yet, refused
from demo.proof.statistics import Floats, mean, ratio
from demo.proof.trial import Trial

TABLE = "marts.winback_list"
RETURNS_UNKNOWN = (*SUM_UNKNOWN, "correlated")
"""Where only the oracle knows what came before; and where who buys seldom leaves sooner: the purchase models take rates
to buy and to leave as independent, so they expect too many of the silent one-time buyers back."""
RETURNS, BRIER = "winback: expected / true returns", "winback: Brier score of P(return)"

PREDICTED = """
    select
        buyers.person_id,
        cast(buyers.purchases > 0 as double) as outcome,
        1 - exp(sum(ln(greatest(1 - desk.p_return, 1e-9)))) as probability
    from buyers
    inner join owners using (person_id)
    inner join published.marts.winback_list as desk using (customer_id)
    where desk.p_return is not null and desk.horizon_days = $days
    group by all
    order by buyers.person_id
"""


def forecast(trial: Trial) -> pd.DataFrame | None:
    """Return persons on the desk with their chance, the oracle's and what came; None where there is no chance.

    Of several customers of one person one return is enough.
    """
    people.buyers(trial, days=YEAR, churn_days=CHURN_DAYS, daily_rate=0.0)
    frame = trial.query(PREDICTED, {"days": YEAR})
    if frame.empty:
        return None
    if not trial.has_truth("oracle_counts"):
        return frame.assign(oracle=np.nan)
    oracle = trial.query("select person_id, 1 - probability_at_most as oracle from truth.oracle_counts where k = 0")
    return frame.merge(oracle, on="person_id", how="left")


def measure(trial: Trial) -> list[Row]:
    """Σp̂/Σy, within 5 % of the oracle's but in `RETURNS_UNKNOWN`, and the Brier score."""
    if not trial.has(TABLE, "p_return"):
        return [not_yet(name, f"the release has no {TABLE}") for name in (RETURNS, BRIER)]
    found = forecast(trial)
    if found is None:
        return [refused(name, trial.decision("clv")[1]) for name in (RETURNS, BRIER)]
    sampled = found[found["oracle"].notna()]
    chance, outcome, oracle = (sampled[name].to_numpy(float) for name in ("probability", "outcome", "oracle"))
    overall = ratio(found["probability"].to_numpy(float), found["outcome"].to_numpy(float))
    bounds = {}
    if len(sampled) and trial.world not in RETURNS_UNKNOWN:
        against = ratio(chance, oracle)
        low, high = around(1.0, SUM_TOLERANCE, against, trial.customers)
        bounds = {"low": low * overall.value / against.value, "high": high * overall.value / against.value}
    squares = _squares(found["probability"].to_numpy(float), found["outcome"].to_numpy(float))
    share = float(found["outcome"].mean())
    return [
        judged(
            RETURNS, overall.value, truth=1.0, oracle=ratio(oracle, outcome).value, **bounds,
            note=f"{len(found):,} persons at risk or lost, {share:.1%} bought within {YEAR} days",
        ),
        judged(BRIER, mean(squares), oracle=mean(_squares(oracle, outcome)), naive=share * (1 - share)),
    ]  # fmt: skip


def _squares(chance: Floats, outcome: Floats) -> Floats:
    return np.asarray((chance - outcome) ** 2)
