"""Score customers with a published churn model."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mining.churn.horizons.forecast import forecast
from mining.churn.model import ChurnModel
from mining.churn.reasons import ACTIONS, reasons
from mining.churn.training import AT_RISK_DAYS, KIND, at_risk
from mining.purchases.rhythm import DORMANT, LOST, Typical, absence
from pipeline.base.model_files import Model

REASON_COLUMNS = ["reason_1", "reason_2", "reason_3"]
ACTION_COLUMNS = ["action_1", "action_2", "action_3"]
NO_CLOCK = {
    "judged_days": None,
    "is_published": False,
    "decision": "no purchase model can be fitted, which a longer horizon needs.",
}
"""What is said of a longer horizon where the churn model has no purchase model."""
TEXT = dict.fromkeys([*REASON_COLUMNS, *ACTION_COLUMNS, "risk_band", "unavailable_reason"], "str")


def score(frame: pd.DataFrame, model: Model, *, horizon_days: int, typical: Typical) -> pd.DataFrame:
    """Score customers.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned.
    horizon_days
        Days after the as-of date that the probability is about.
    typical
        The rhythm of the typical one of all customers.

    Returns
    -------
    DataFrame
        One row per customer: churn_probability, reason_1 to reason_3, what can be done about each (action_1 to
        action_3), risk_band, unavailable_reason.
        `risk_band` is high or medium from the probability that marked the top 20 % and the top 50 % of customers at
        risk when the model was trained, else low: a rank, since what is high differs from shop to shop. Who is lost by
        the own rhythm is high, who is dormant at least medium: a frequent buyer who is gone may still be likelier to
        buy in the horizon than most.
    """
    result = _empty(frame, horizon_days)
    chosen = at_risk(frame, horizon_days).to_numpy()
    result.loc[~chosen, "unavailable_reason"] = (
        f"No purchase in the last {max(AT_RISK_DAYS, horizon_days)} days: already away"
    )
    fitted, bands = ChurnModel.from_json(model["model"]), model["risk_bands"]
    asked = frame[chosen]
    probability = fitted.predict(asked)
    result.loc[chosen, "churn_probability"] = probability
    told = reasons(fitted, asked)
    result.loc[chosen, REASON_COLUMNS] = told
    for reason, action in zip(REASON_COLUMNS, ACTION_COLUMNS, strict=True):
        result.loc[chosen, action] = told[reason].map(ACTIONS)
    away = absence(frame, typical)[chosen]
    result.loc[chosen, "risk_band"] = np.select(
        [(probability >= bands["high"]) | (away == LOST), (probability >= bands["medium"]) | (away == DORMANT)],
        ["high", "medium"],
        "low",
    )
    return result.astype(TEXT)


def score_horizons(frame: pd.DataFrame, scored: pd.DataFrame, model: Model, longer: Sequence[int]) -> pd.DataFrame:
    """Score customers for the published horizon and the longer ones.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    scored
        What `score` returned for them.
    model
        What `train` returned.
    longer
        The longer horizons, in days, ascending.

    Returns
    -------
    DataFrame
        One row per customer and horizon: churn_probability, is_judged, judged_days, unavailable_reason. Of one
        customer a longer horizon has no higher probability.
    """
    asked = scored["churn_probability"].notna().to_numpy()
    said = {line["horizon_days"]: line for line in model["horizons"]}
    known = [days for days in longer if days in said]
    probability = np.full((len(known), len(scored)), np.nan)
    if known:
        first = scored["churn_probability"].to_numpy(float)[asked]
        probability[:, asked] = forecast(ChurnModel.from_json(model["model"]), frame[asked], first, known)
    parts = [_at_first_horizon(scored, is_judged=True)]
    for days in longer:
        line = said.get(days, NO_CLOCK)
        part = parts[0].assign(horizon_days=days, is_judged=line["judged_days"] is not None)
        part["judged_days"] = pd.array([line["judged_days"]] * len(part), "Int64")
        if line["is_published"]:
            part["churn_probability"] = probability[known.index(days)]
        else:
            part["churn_probability"] = np.nan
            part["unavailable_reason"] = part["unavailable_reason"].fillna(f"Not published: {line['decision']}")
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def unscored_horizons(scored: pd.DataFrame, longer: Sequence[int]) -> pd.DataFrame:
    """Return the rows of `score_horizons` without probabilities, from what `unscored` returned."""
    parts = [_at_first_horizon(scored, is_judged=False)]
    parts += [parts[0].assign(horizon_days=days) for days in longer]
    return pd.concat(parts, ignore_index=True)


def _at_first_horizon(scored: pd.DataFrame, *, is_judged: bool) -> pd.DataFrame:
    rows = scored[["customer_id", "kind", "horizon_days", "churn_probability", "unavailable_reason"]]
    days = rows["horizon_days"].astype("Int64")
    return rows.assign(is_judged=is_judged, judged_days=days if is_judged else pd.array([None] * len(rows), "Int64"))


def unscored(frame: pd.DataFrame, reason: str, *, horizon_days: int) -> pd.DataFrame:
    """Return the same columns without scores, with the reason."""
    return _empty(frame, horizon_days).assign(unavailable_reason=reason).astype(TEXT)


def _empty(frame: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    result = pd.DataFrame({"customer_id": frame["customer_id"], "kind": KIND, "horizon_days": horizon_days})
    result["churn_probability"] = np.nan
    result[[*REASON_COLUMNS, *ACTION_COLUMNS, "risk_band", "unavailable_reason"]] = None
    return result
