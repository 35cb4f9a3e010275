"""How good a forecast was in groups of customers: segments, tenure, the channel that brought them, tenths of it.

Rows of `marts.model_metrics`, with the stratum `<dimension>: <group>`. Intervals are those of a mean over independent
customers.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.stats import norm

from mining.evaluation import Floats, row
from mining.purchases import rhythm
from mining.segments.lifecycle import CODE, LostBefore, judge
from mining.segments.rfm import rfm, segments
from mining.store import CUSTOMER_FEATURES, FeatureSet

JUDGED = rhythm.COLUMNS | {"purchase_days_84d", "net_sales_365d", "is_left_truncated"}
COLUMNS = JUDGED | {"acquisition_channel"}
"""The feature columns that tell the groups apart."""
FEWEST = 10
"""Customers of the smallest group that is shown."""
TENURES = {
    "under 90 days": (0, 90),
    "90 to 364 days": (90, 365),
    "1 to 2 years": (365, 730),
    "2 years or more": (730, np.inf),
}
TENTHS = 10
ROWS = 2_000_000
"""Rows of features of which segments are computed, at most: they are those of one customer in so many."""
FORECAST = "forecast"
"""The dimension of tenths of the customers, from the lowest forecasts to the highest."""
CERTAIN = 0.95


def by_group(
    features: FeatureSet, frame: pd.DataFrame, outcome: Floats, forecast: Floats, baseline: Floats
) -> list[dict[str, Any]]:
    """Judge a forecast in each group of ten customers or more.

    Parameters
    ----------
    features
        Of which `frame` has the customers of one day, or some of them.
    frame
        Features of the customers on the day of the forecast.
    outcome, forecast, baseline : ndarray of shape (customers,)
        What happened, what was said, and what the baseline said.

    Returns
    -------
    list of dict
        Per group: `observed_mean`, `predicted_mean`, `bias` (of the forecast, with its interval) and
        `mean_squared_error` (with the interval of the improvement on the baseline).
    """
    rows = []
    for stratum, chosen in _groups(features, frame, forecast).items():
        size = int(chosen.sum())
        if size < FEWEST:
            continue
        happened, said, naive = outcome[chosen], forecast[chosen], baseline[chosen]
        errors, others = (said - happened) ** 2, (naive - happened) ** 2
        rows += [
            row(stratum, "observed_mean", size, float(happened.mean())),
            row(stratum, "predicted_mean", size, float(said.mean()), float(naive.mean())),
            row(stratum, "bias", size, float((said - happened).mean()), interval=_interval(said - happened)),
            row(
                stratum, "mean_squared_error", size, float(errors.mean()), float(others.mean()),
                _interval(others - errors),
            ),
        ]  # fmt: skip
    return rows


def _interval(values: Floats) -> tuple[float, float]:
    mean, margin = float(values.mean()), float(norm.ppf(0.5 + CERTAIN / 2) * values.std() / np.sqrt(len(values)))
    return mean - margin, mean + margin


def _groups(features: FeatureSet, frame: pd.DataFrame, forecast: Floats) -> dict[str, NDArray[np.bool_]]:
    found: dict[str, NDArray[np.bool_]] = {}
    channels = frame["acquisition_channel"]
    for dimension, labels in (("segment", _segments(features, frame)), ("channel", channels)):
        for label in sorted(set(labels.dropna().astype(str))):
            found[f"{dimension}: {label}"] = (labels == label).to_numpy(bool)
    tenure = frame["tenure_days"].to_numpy(float)
    for label, (low, high) in TENURES.items():
        found[f"tenure: {label}"] = (tenure >= low) & (tenure < high)
    tenth = _tenths(forecast)
    for place in range(1, int(tenth.max(initial=0)) + 1):
        found[f"{FORECAST}: tenth {place:02}"] = tenth == place
    return found


def _segments(features: FeatureSet, frame: pd.DataFrame) -> pd.Series:
    """Segments on the day of the forecast, as they would have been published then."""
    day = frame["as_of_date"].iloc[0].date()
    sample = replace(features, table=_sample(features.table).select([*CUSTOMER_FEATURES.key, *sorted(JUDGED)]))
    lost = pd.Series(dtype=float)
    for date in (each for each in features.dates if each <= day):
        now = sample.at(date)
        before = now["customer_id"].map(lost).to_numpy(float)
        judged = judge(now, LostBefore(before, np.full(len(now), -1.0)))
        is_lost = judged.stage == CODE["lost"]
        lost = now[is_lost].set_index("customer_id")["purchase_days"].combine_first(lost)
    named = segments(now, rfm(now), judged.stage, judged.away).set_index(now["customer_id"])["segment_name"]
    return named.reindex(frame["customer_id"]).reset_index(drop=True)


def _sample(table: pa.Table) -> pa.Table:
    """Rows of one customer in so many, in the order of customer_id, where there are more rows than `ROWS`."""
    every = -(-table.num_rows // ROWS)
    if every <= 1:
        return table
    customers = pc.unique(table["customer_id"]).sort()
    return table.filter(pc.is_in(table["customer_id"], value_set=customers[::every]))


def _tenths(forecast: Floats) -> NDArray[np.intp]:
    """Tenths of the customers, 1 to 10; fewer parts where a tenth would be too small to show, 0 where there is none."""
    parts = min(TENTHS, len(forecast) // FEWEST)
    place = np.empty(len(forecast), dtype=np.intp)
    place[np.argsort(forecast, kind="stable")] = np.arange(len(forecast))
    return place * parts // len(forecast) + 1 if parts else np.zeros(len(forecast), dtype=np.intp)


def biased(rows: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the groups whose bias is certain, however many groups are looked at (Bonferroni), with its row."""
    biases = [each for each in rows if each["metric"] == "bias" and not each["stratum"].startswith(FORECAST)]
    wider = norm.ppf(1 - (1 - CERTAIN) / 2 / max(len(biases), 1)) / norm.ppf(0.5 + CERTAIN / 2)
    return [
        (each["stratum"], each)
        for each in biases
        if abs(each["value"]) > wider * (each["ci_high"] - each["ci_low"]) / 2
    ]
