"""The job `matching`: what each campaign without a control group changed, against customers with the same past.

The same estimate for the window before the campaign, with the past as it was known then, is the placebo test: nothing
can have changed yet. Where its interval does not hold zero, those contacted were no customers like the others.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from mining.matching.nearest import Effect, effect, pair
from mining.protocol import Frames, Job, Options, Table
from mining.sound import ANY, COUNT, Claims
from mining.store import CAMPAIGN_CUSTOMERS, FeatureSet
from mining.uplift.inputs import COLUMNS, design
from pipeline.base.model_files import Model

LEAST_CUSTOMERS = 100
"""Contacted, and not contacted: of fewer, matches are far and intervals promise too much."""
MEASURES = ("purchases", "net_sales")
ARMS = ("contacted", "not_contacted")
CAMPAIGN, BEFORE = "campaign", "before"
DIGITS = 6
SCHEMA = pa.schema(
    {
        "campaign_id": pa.string(),
        "measure": pa.string(),
        "as_of_date": pa.date32(),
        "run_id": pa.string(),
        "contacted_customers": pa.int64(),
        "matched_customers": pa.int64(),
        "other_customers": pa.int64(),
        **dict.fromkeys(("effect", "effect_low", "effect_high"), pa.float64()),
        **dict.fromkeys(("placebo_effect", "placebo_effect_low", "placebo_effect_high"), pa.float64()),
        "unavailable_reason": pa.string(),
    }
)
CLAIMS = Claims(
    {"effect": ANY, "effect_low": ANY, "effect_high": ANY, "matched_customers": COUNT},
    ascending=("effect_low", "effect", "effect_high"),
    key=("campaign_id", "measure"),
)


class Matching(Job):
    """Of campaigns without a control group; randomised ones need no match."""

    name = "matching"
    source = CAMPAIGN_CUSTOMERS
    reads = COLUMNS | {"arm", "net_sales_84d", "campaigns_received_84d", "outcome_purchases", "outcome_net_sales"}
    tables: ClassVar[Mapping[str, Table]] = {"matching": Table(SCHEMA, CLAIMS)}

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `matched_effects`."""
        return {"matching": matched_effects(features.at(features.as_of))}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per campaign and measure, without numbers, and with the reason."""
        rows = features.at(features.as_of)
        names = sorted(rows.loc[rows["arm"].isin(ARMS), "campaign_id"].unique())
        return {
            "matching": _frame([_row(name, measure, {}, None, None, reason) for name in names for measure in MEASURES])
        }


def matched_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare the contacted of each campaign with their neighbours.

    Parameters
    ----------
    rows
        `features.campaign_customers`, of one day, in any order.

    Returns
    -------
    DataFrame
        One row per campaign without a control group and measure. Without an effect where too few had bought by the
        eve; without a placebo where too few had bought a window earlier.
    """
    rows = rows[rows["arm"].isin(ARMS)].sort_values(["campaign_id", "customer_id"])
    lines: list[dict[str, Any]] = []
    for name, group in rows.groupby("campaign_id"):
        lines += _of_campaign(str(name), group)
    return _frame(lines)


def _of_campaign(name: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    counts, effects = _estimate(rows[rows["period"] == CAMPAIGN])
    _, placebo = _estimate(rows[rows["period"] == BEFORE])
    reason = None if effects else _too_few(counts)
    return [_row(name, m, counts, effects.get(m), placebo.get(m), reason) for m in MEASURES]


def _estimate(rows: pd.DataFrame) -> tuple[dict[str, int], dict[str, Effect]]:
    """Return how many customers there are, and the effects; none where there are too few."""
    is_contacted = (rows["arm"] == ARMS[0]).to_numpy(bool)
    counts = {"contacted_customers": int(is_contacted.sum()), "other_customers": int((~is_contacted).sum())}
    if min(counts.values()) < LEAST_CUSTOMERS:
        return counts, {}
    more = np.log1p(np.maximum(rows[["net_sales_84d", "campaigns_received_84d"]].to_numpy(float), 0.0))
    pairs = pair(np.column_stack([design(rows), more]), is_contacted)
    counts["matched_customers"] = len(pairs.contacted)
    if counts["matched_customers"] < LEAST_CUSTOMERS:
        return counts, {}
    return counts, {m: effect(pairs, rows[f"outcome_{m}"].to_numpy(float)) for m in MEASURES}


def _too_few(counts: dict[str, int]) -> str:
    if "matched_customers" in counts:
        return (
            f"of {counts['contacted_customers']:,} customers it contacted, {counts['matched_customers']:,} have their"
            f" like among the others: {LEAST_CUSTOMERS} are needed"
        )
    return (
        f"{counts['contacted_customers']:,} customers it contacted and {counts['other_customers']:,} others had bought"
        f" before: {LEAST_CUSTOMERS} of each are needed"
    )


def _row(  # noqa: PLR0917  one argument per part of the row
    name: str,
    measure: str,
    counts: dict[str, int],
    found: Effect | None,
    placebo: Effect | None,
    reason: str | None,
) -> dict[str, Any]:
    row: dict[str, Any] = {"campaign_id": name, "measure": measure, **counts, "unavailable_reason": reason}
    for prefix, each in (("effect", found), ("placebo_effect", placebo)):
        for suffix, value in zip(("", "_low", "_high"), each or (), strict=False):
            row[prefix + suffix] = round(value, DIGITS)
    return row


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=SCHEMA.names)


JOB = Matching()
