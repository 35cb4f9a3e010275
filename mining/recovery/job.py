"""The job `recovery`: what customers bought in the 90 days after a complaint, against customers with the same past.

The others are as many days after a purchase as complaints usually are, and had no complaint by then. Both groups of
complaints, handled well and badly, are compared with them by `mining.matching.nearest`; the day enters as trend and
season. What makes a customer complain, and is not in past purchases, is in the effect.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from mining.evaluation import Floats
from mining.matching.nearest import Effect, effect, pair
from mining.protocol import Frames, Job, Options, Table
from mining.sound import ANY, COUNT, Claims
from mining.store import COMPLAINT_CUSTOMERS, FeatureSet
from mining.uplift.inputs import COLUMNS, design
from pipeline.base.model_files import Model

LEAST_CUSTOMERS = 100
"""Of each kind: of fewer, matches are far and intervals promise too much (`mining.matching.job`)."""
HANDLED, NONE = ("well", "badly"), "none"
MEASURES = ("purchases", "net_sales", "margin")
DIGITS = 6
DAYS_A_YEAR = 365.25
SCHEMA = pa.schema(
    {
        "handled": pa.string(),
        "measure": pa.string(),
        "as_of_date": pa.date32(),
        "run_id": pa.string(),
        "complaints": pa.int64(),
        "matched_complaints": pa.int64(),
        "other_customers": pa.int64(),
        **dict.fromkeys(("effect", "effect_low", "effect_high"), pa.float64()),
        "unavailable_reason": pa.string(),
    }
)
CLAIMS = Claims(
    {"effect": ANY, "effect_low": ANY, "effect_high": ANY, "matched_complaints": COUNT},
    ascending=("effect_low", "effect", "effect_high"),
    key=("handled", "measure"),
)


class Recovery(Job):
    """Complaints handled well and badly, beside customers without one."""

    name = "recovery"
    source = COMPLAINT_CUSTOMERS
    reads = COLUMNS | {"handled", "is_over", "start_date", *(f"outcome_{measure}" for measure in MEASURES)}
    tables: ClassVar[Mapping[str, Table]] = {"recovery": Table(SCHEMA, CLAIMS)}

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `recovery_effects`."""
        return {"recovery": recovery_effects(features.at(features.as_of))}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per way of handling and measure, without numbers, and with the reason."""
        return {"recovery": _frame([_row(way, measure, {}, None, reason) for way in HANDLED for measure in MEASURES])}


def recovery_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare complaints with their neighbours.

    Parameters
    ----------
    rows
        `features.complaint_customers`, of one day, in any order.

    Returns
    -------
    DataFrame
        One row per way of handling and measure: the mean difference per complaint in the 90 days after it, in
        purchases or in the reporting currency. Without an effect where there are too few, or nothing is known.
    """
    rows = rows[rows["is_over"].astype(bool) & rows["recency_days"].notna()].sort_values("moment_id")
    return _frame([line for way in HANDLED for line in _of_way(way, rows[rows["handled"].isin([way, NONE])])])


def _of_way(way: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    is_complaint = (rows["handled"] == way).to_numpy(bool)
    counts = {"complaints": int(is_complaint.sum()), "other_customers": int((~is_complaint).sum())}
    if min(counts.values()) < LEAST_CUSTOMERS:
        reason = (
            f"{counts['complaints']:,} complaints handled {way} and {counts['other_customers']:,} other customers: "
            f"{LEAST_CUSTOMERS} of each are needed"
        )
        return [_row(way, measure, counts, None, reason) for measure in MEASURES]
    pairs = pair(np.column_stack([design(rows), _calendar(rows["start_date"])]), is_complaint)
    counts["matched_complaints"] = len(pairs.contacted)
    if counts["matched_complaints"] < LEAST_CUSTOMERS:
        reason = (
            f"of {counts['complaints']:,} complaints, {counts['matched_complaints']:,} have their like among other "
            f"customers: {LEAST_CUSTOMERS} are needed"
        )
        return [_row(way, measure, counts, None, reason) for measure in MEASURES]
    lines = []
    for measure in MEASURES:
        outcome = rows[f"outcome_{measure}"].to_numpy(float)
        if np.isnan(outcome).any():
            lines.append(_row(way, measure, counts, None, "the cost of a part of the goods is unknown"))
        else:
            lines.append(_row(way, measure, counts, effect(pairs, outcome), None))
    return lines


def _calendar(days: pd.Series) -> Floats:
    """Years since the first day, and the season as a point on a circle, shape (rows, 3)."""
    years = (days - days.min()).dt.days.to_numpy(float) / DAYS_A_YEAR
    angle = 2 * np.pi * days.dt.day_of_year.to_numpy(float) / DAYS_A_YEAR
    return np.column_stack([years, np.sin(angle), np.cos(angle)])


def _row(way: str, measure: str, counts: dict[str, int], found: Effect | None, reason: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"handled": way, "measure": measure, **counts, "unavailable_reason": reason}
    for suffix, value in zip(("", "_low", "_high"), found or (), strict=False):
        row["effect" + suffix] = round(value, DIGITS)
    return row


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=SCHEMA.names)


JOB = Recovery()
