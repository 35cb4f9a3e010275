"""Score running subscriptions with a published model."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mining.subscriptions.forecast import forecast
from mining.subscriptions.hazards import read_hazard
from mining.subscriptions.training import KIND, read_terms
from pipeline.base.model_files import Model


def score(frame: pd.DataFrame, day: dt.date, model: Model, horizons: Sequence[int]) -> pd.DataFrame:
    """Score the subscriptions that run on a day.

    Parameters
    ----------
    frame
        `features.subscription_terms` of the day.
    day
        The as-of day.
    model
        What `train` returned.
    horizons
        Days, ascending.

    Returns
    -------
    DataFrame
        One row per running subscription and horizon, as `marts.subscription_ends`.
    """
    terms, _, used = read_terms(frame, day)
    running = ~terms.has_ended
    fitted = model["model"]
    said = forecast(
        read_hazard(fitted["hazard"]), terms.rows(running), horizons, is_at_renewals=fitted["is_at_renewals"]
    )
    judged = {line["horizon_days"]: line["judged_days"] for line in model["horizons"]}
    parts = []
    for place, days in enumerate(horizons):
        part = _rows(used[running], days)
        part["end_probability"] = said.total[place]
        part["voluntary_probability"] = said.voluntary[place]
        part["involuntary_probability"] = np.round(said.total[place] - said.voluntary[place], 6)
        part["renewals"] = said.renewals[place]
        part["next_renewal_date"] = said.next_renewal.astype("datetime64[ns]")
        part["is_judged"] = judged.get(days) is not None
        parts.append(part.assign(unavailable_reason=None))
    return pd.concat(parts, ignore_index=True) if parts else _rows(used[:0], 0)


def unscored(frame: pd.DataFrame, day: dt.date, reason: str, horizons: Sequence[int]) -> pd.DataFrame:
    """Return the same rows without probabilities, and with the reason."""
    terms, _, used = read_terms(frame, day)
    running = terms.rows(~terms.has_ended)
    due = running.renewal(running.renewals_by(running.day) + 1).astype("datetime64[ns]")
    parts = []
    for days in horizons:
        until = running.renewals_by(running.day + np.timedelta64(days, "D"))
        part = _rows(used[~terms.has_ended], days).assign(next_renewal_date=due, is_judged=False)
        parts.append(part.assign(renewals=until - running.renewals_by(running.day), unavailable_reason=reason))
    empty = ["end_probability", "voluntary_probability", "involuntary_probability"]
    return pd.concat(parts, ignore_index=True).assign(**dict.fromkeys(empty, np.nan))


def _rows(used: pd.DataFrame, days: int) -> pd.DataFrame:
    rows = used[["subscription_id", "customer_id"]].reset_index(drop=True)
    return rows.assign(horizon_days=days, kind=KIND)
