"""Score customers with a published churn model."""

import numpy as np
import pandas as pd

from mining.churn.model import ChurnModel
from mining.churn.reasons import reasons
from mining.churn.training import AT_RISK_DAYS, KIND, at_risk
from mining.purchases.rhythm import DORMANT, LOST, absence, typical_rhythm
from pipeline.base.model_files import Model

REASON_COLUMNS = ["reason_1", "reason_2", "reason_3"]
TEXT = dict.fromkeys([*REASON_COLUMNS, "risk_band", "unavailable_reason"], "str")


def score(frame: pd.DataFrame, model: Model, *, horizon_days: int) -> pd.DataFrame:
    """Score customers.

    Parameters
    ----------
    frame
        Features of the customers at the as-of date.
    model
        What `train` returned.
    horizon_days
        Days after the as-of date that the probability is about.

    Returns
    -------
    DataFrame
        One row per customer: churn_probability, reason_1 to reason_3, risk_band, unavailable_reason.
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
    result.loc[chosen, REASON_COLUMNS] = reasons(fitted, asked)
    away = absence(frame, typical_rhythm(frame))[chosen]
    result.loc[chosen, "risk_band"] = np.select(
        [(probability >= bands["high"]) | (away == LOST), (probability >= bands["medium"]) | (away == DORMANT)],
        ["high", "medium"],
        "low",
    )
    return result.astype(TEXT)


def unscored(frame: pd.DataFrame, reason: str, *, horizon_days: int) -> pd.DataFrame:
    """Return the same columns without scores, with the reason."""
    return _empty(frame, horizon_days).assign(unavailable_reason=reason).astype(TEXT)


def _empty(frame: pd.DataFrame, horizon_days: int) -> pd.DataFrame:
    result = pd.DataFrame({"customer_id": frame["customer_id"], "kind": KIND, "horizon_days": horizon_days})
    result["churn_probability"] = np.nan
    result[[*REASON_COLUMNS, "risk_band", "unavailable_reason"]] = None
    return result
