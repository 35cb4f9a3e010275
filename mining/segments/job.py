"""The job `segments`: segment, tier and lifecycle stage of everybody, and how they came about. Nothing is trained."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from mining.contract import amount_type, mart_schema
from mining.protocol import Frames, Job, Options, Table
from mining.segments import lifecycle, stages, tiers
from mining.segments.dates import Ints
from mining.segments.expected import MODEL, Expected, with_model
from mining.segments.reading import (
    BESIDE,
    UNITS,
    Values,
    read_contracts,
    read_customers,
    read_purchases,
    read_values,
)
from mining.segments.rfm import SCORES, rfm, segments
from mining.segments.table import largest_id
from mining.segments.tiers import AWAY, HISTORIC, NONE, Expect, Placed, Rule, place
from mining.segments.transitions import transitions
from mining.sound import COUNT, SHARE, Claims
from mining.store import STAMP, FeatureSet, with_tables
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

CLAIMS = Claims(
    {
        **dict.fromkeys(("recency_score", "frequency_score", "monetary_score"), (1.0, float(SCORES))),
        "segment_id": (1.0, float(largest_id())),
    },
    texts=("segment_name", "tier", "lifecycle_stage"),
)
RELATED = pa.schema({
    **dict.fromkeys(("kind", "related_id", "run_id", "tier"), pa.string()),
    "tier_since": pa.date32(),
    "tier_value": amount_type(),
    "next_tier": pa.string(),
    "to_next_tier": amount_type(),
    "unavailable_reason": pa.string(),
})  # fmt: skip
MOVES = {**STAMP, "valid_from": pa.date32(), "unavailable_reason": pa.string()}
TIER_MOVES = pa.schema({**MOVES, "tier": pa.string(), "tier_value": amount_type()})
STAGE_MOVES = pa.schema({**MOVES, "lifecycle_stage": pa.string()})
KINDS = ("household", "account")


class Segments(Job):
    """A run is described only where the segments could not be computed: there is no model to judge."""

    name = "segments"
    reads = frozenset({"recency_days", "purchase_days", "net_sales_365d", "is_left_truncated"})
    tables: ClassVar[Mapping[str, Table]] = {
        "segments": Table(mart_schema("customer_segments", without=("relationship_level",)), CLAIMS),
        "related_tiers": Table(RELATED, Claims({}, texts=("tier",), key=("kind", "related_id"))),
        "tier_history": Table(TIER_MOVES, Claims({}, texts=("tier",), key=("customer_id", "valid_from"))),
        "stage_history": Table(STAGE_MOVES, Claims({}, texts=("lifecycle_stage",), key=("customer_id", "valid_from"))),
        "stage_transitions": Table(
            mart_schema("stage_transitions"),
            Claims({"probability": SHARE, "moves": COUNT}, key=("from_stage", "to_stage")),
        ),
    }

    def read(self, settings: Settings, as_of: dt.date, sources: Sequence[str]) -> FeatureSet:
        """Read the customers of the day, all purchases, contracts and months; the model where tiers rank the future."""
        features = with_tables(super().read(settings, as_of, sources), settings, sources, BESIDE)
        return with_model(features, settings, sources) if Rule.of_company().value != HISTORIC else features

    def options(self, settings: Settings) -> Options:  # noqa: ARG002  the company's rule is in dbt_project.yml
        """Who is in which tier."""
        return {"rule": Rule.of_company()}

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `score`."""
        return score(features, options["rule"])

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per customer without any score, and with the reason; no history."""
        frames = {name: pd.DataFrame(columns=table.schema.names) for name, table in self.tables.items()}
        customers = features.customers.to_frame("customer_id").reindex(columns=frames["segments"].columns)
        return frames | {"segments": customers.astype(object).assign(unavailable_reason=reason)}


def score(features: FeatureSet, rule: Rule) -> Frames:
    """Compute the tables of the job."""
    now = features.at(features.as_of)
    customers = read_customers(features, now)
    followed = stages.follow(customers.purchases, customers.contracts, customers.is_left_truncated, features.as_of)
    at = pc.index_in(pa.array(now["customer_id"], pa.string()), value_set=customers.ids).to_numpy()
    stage, away = followed.now.stage[at], followed.now.away[at]
    scored = rfm(now)
    result = pd.concat([now["customer_id"], scored, segments(now, scored, stage, away)], axis="columns")
    result["lifecycle_stage"] = lifecycle.NAMES[stage]
    result["tier_value_of"] = rule.value if rule.value == HISTORIC or MODEL in features.beside else HISTORIC
    values = read_values(features, "customer")
    contracts = read_contracts(features, values.ids)
    placed = place(
        values.months, len(values.ids), features.as_of, rule,
        pays_on=contracts.runs if contracts.exist else None, expect=_expectation(features, values, rule),
    )  # fmt: skip
    found = _tiers(values, placed).set_index("related_id").reindex(now["customer_id"]).reset_index(drop=True)
    return {
        "segments": pd.concat([result, found], axis="columns").assign(unavailable_reason=None),
        "related_tiers": _related(features, rule),
        "tier_history": _tier_moves(values.ids, placed.moves),
        "stage_history": _stage_moves(customers.ids, followed.moves),
        "stage_transitions": transitions(followed.months).assign(unavailable_reason=None),
    }


def _expectation(features: FeatureSet, values: Values, rule: Rule) -> Expect | None:
    if rule.value == HISTORIC or MODEL not in features.beside:
        return None
    content = features.beside[MODEL]["content"][0].as_py()
    return Expected(content, read_purchases(features, values.ids)).at


def _related(features: FeatureSet, rule: Rule) -> pd.DataFrame:
    frames = []
    for kind in KINDS:
        values = read_values(features, kind)
        placed = place(values.months, len(values.ids), features.as_of, rule)
        frames.append(_tiers(values, placed).assign(kind=kind, unavailable_reason=None))
    return pd.concat(frames, ignore_index=True)


def _tiers(values: Values, placed: Placed) -> pd.DataFrame:
    """Return who is in which tier; without those who have never bought."""
    rows = np.flatnonzero(placed.level != NONE)
    level, brought, revenue = placed.level[rows], placed.brought[rows], placed.revenue[rows]
    has_next = placed.to_next[rows] >= 0
    is_margin = values.basis == "margin"
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.where(is_margin & (revenue > 0) & (level < AWAY), brought / revenue, np.nan)
    return pd.DataFrame({
        "related_id": values.ids.take(pa.array(rows)).to_pandas(),
        "tier": tiers.NAMES[level],
        "tier_since": _date(placed.since[rows]),
        "tier_value": placed.value[rows] / UNITS,
        "tier_value_basis": values.basis,
        "tier_margin": np.round(margin, 6),
        "next_tier": pd.Series(tiers.NAMES[np.maximum(level - 1, 0)]).where(has_next, None),
        "to_next_tier": np.where(has_next, placed.to_next[rows] / UNITS, np.nan),
        "is_unprofitable": pd.array(brought < 0, "boolean") if is_margin else None,
    })  # fmt: skip


def _tier_moves(ids: pa.Array, moves: tiers.Moves) -> pd.DataFrame:
    frame = _moves(ids, moves.entity, moves.day, tier=moves.level, tier_value=moves.value / UNITS)
    return frame.assign(tier=_texts(frame["tier"], tiers.NAMES))


def _stage_moves(ids: pa.Array, moves: stages.StageMoves) -> pd.DataFrame:
    frame = _moves(ids, moves.customer, moves.day, lifecycle_stage=moves.stage)
    return frame.assign(lifecycle_stage=_texts(frame["lifecycle_stage"], lifecycle.NAMES))


def _moves(ids: pa.Array, customer: Ints, day: Ints, **columns: NDArray[Any]) -> pd.DataFrame:
    """Return what customers became on a day, sorted by customer_id and day."""
    rank = pc.rank(ids, sort_keys="ascending").to_numpy().astype(np.int64)
    rows = np.lexsort((day, rank[customer]))
    return pd.DataFrame({
        "customer_id": _texts(customer[rows], ids.to_pandas()),
        "valid_from": _date(day[rows]),
        **{name: column[rows] for name, column in columns.items()},
    }, copy=False).assign(unavailable_reason=None)  # fmt: skip


def _texts(codes: ArrayLike, names: ArrayLike) -> "pd.Categorical[Any]":
    """Return names, each of them stored once."""
    return pd.Categorical.from_codes(np.asarray(codes, dtype=np.int64), pd.Index(np.asarray(names, dtype=object)))


def _date(days: ArrayLike) -> NDArray[np.datetime64]:
    return np.asarray(days, dtype=np.int64).astype("datetime64[D]")


JOB = Segments()
