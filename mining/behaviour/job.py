"""The job `behaviour`: groups of customers by when, at what price, how often and for how much they buy."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mining.behaviour.training import BASELINE, LEAST_PROBABILITY, LEAST_PURCHASES, assign, scoring_customers, train
from mining.protocol import About, Frames, Options, Table, TrainedJob
from mining.sound import COUNT, SHARE, Claims
from mining.store import PURCHASE_DAYS, STAMP, FeatureSet, earlier_models, with_calendar, with_previous
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

SCHEMA = pa.schema({
    **STAMP,
    "model_version": pa.string(),
    "behaviour_id": pa.string(),
    "behaviour_name": pa.string(),
    "behaviour_probability": pa.float64(),
    "unavailable_reason": pa.string(),
})  # fmt: skip
GROUPS = pa.schema({
    "behaviour_id": pa.string(),
    "as_of_date": pa.date32(),
    "run_id": pa.string(),
    "model_version": pa.string(),
    "behaviour_name": pa.string(),
    "description": pa.string(),
    "advice": pa.string(),
    "strongest_season": pa.string(),
    **dict.fromkeys(
        ("modelled_share", "orders_a_year", "order_value", "yearly_leaving", "price_ratio", "season_ratio"),
        pa.float64(),
    ),
    "unavailable_reason": pa.string(),
})  # fmt: skip
WINDOW_DAYS = 1096
RENAMED = {"segment_id": "behaviour_id", "segment_name": "behaviour_name", "share": "modelled_share"}
TOO_FEW = f"fewer than {LEAST_PURCHASES} days with a purchase"
UNSURE = f"no group has a probability of {LEAST_PROBABILITY:g}"
ABOUT = About(
    title="Behavioural segments",
    purpose="Who buys alike: in which season, at what price, how often and for how much. For the tone and the time of "
    "a message, and for planning.",
    not_for=(
        "deciding who gets credit, service or a price",
        "saying what a campaign changes: a group describes, and a campaign has its control group",
        "customers with one or two purchases",
    ),
    target="the group of customers alike in season, response to reduced prices, amounts, rate and lifetime",
    candidates={
        "groups": "groups found",
        "silhouette": "silhouette (not of the mixture)",
        "null_percentile": "share of data sets without groups that look less grouped; of the mixture by the normal law",
        "bootstrap_index": "adjusted Rand index of the groups when customers are resampled",
    },
    calibration={},
    coverage={},
)


class Behaviour(TrainedJob):
    """A group for each customer whose purchases show one; RFM segments are there for all."""

    name = "behaviour"
    source = PURCHASE_DAYS
    baseline = BASELINE
    about = ABOUT
    is_optional = True
    reads = frozenset({"net_sales", "is_discounted"})
    tables: ClassVar[Mapping[str, Table]] = {
        "behaviour": Table(SCHEMA, Claims({"behaviour_probability": SHARE}, texts=("behaviour_id", "behaviour_name"))),
        "behaviour_groups": Table(
            GROUPS,
            Claims(
                {"modelled_share": SHARE, "orders_a_year": COUNT, "order_value": COUNT},
                texts=("behaviour_name", "description", "advice"),
                key=("behaviour_id",),
            ),
        ),
    }

    def read(self, settings: Settings, as_of: dt.date, sources: Sequence[str]) -> FeatureSet:
        """Read three years of purchase days, the days of known events, and the newest published model before."""
        features = super().read(settings, as_of, sources)
        first = pa.scalar(as_of - dt.timedelta(days=WINDOW_DAYS), pa.date32())
        recent = features.table.filter(pc.greater(features.table["purchase_date"], first))
        features = with_calendar(replace(features, table=recent), settings, sources)
        earlier = earlier_models(settings, self.name, as_of=as_of, sources=sources, needs=self.needs(settings))
        published = [model for model in earlier if model["is_published"]]
        return with_previous(features, published[-1] if published else None)

    def needs(self, settings: Settings) -> Options:  # noqa: ARG002  nothing in the settings changes the question
        """Nothing."""
        return {}

    def train(self, features: FeatureSet, needs: Options) -> Model:  # noqa: ARG002
        """See `training.train`."""
        return train(features)

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """Assign everybody whose purchases show a group."""
        assert model is not None
        fitted = model["model"]
        groups = pd.DataFrame(fitted["groups"]).rename(columns=RENAMED).assign(unavailable_reason=None)
        found = scoring_customers(features, fitted)
        assert found is not None  # a model is published of purchases alone, and features without them have no rows
        customers, responsible = found
        purchases = customers.histories.counts
        group, is_assigned = assign(responsible, purchases)
        scored = pd.DataFrame({
            "customer_id": customers.ids,
            "behaviour_id": groups["behaviour_id"].to_numpy()[group],
            "behaviour_name": groups["behaviour_name"].to_numpy()[group],
            "behaviour_probability": responsible.max(axis=1).round(6),
            "unavailable_reason": np.where(purchases < LEAST_PURCHASES, TOO_FEW, UNSURE),
        })  # fmt: skip
        scored.loc[is_assigned, "unavailable_reason"] = None
        scored.loc[~is_assigned, ["behaviour_id", "behaviour_name"]] = None
        scored.loc[~is_assigned, "behaviour_probability"] = np.nan
        has_customers = groups["behaviour_id"].isin(scored["behaviour_id"])
        return {"behaviour": scored, "behaviour_groups": groups[has_customers]}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per customer without a group, and with the reason; no groups."""
        ids = sorted(set(features.table["customer_id"].to_pylist()))
        columns = self.tables["behaviour"].schema.names
        scored = pd.DataFrame({"customer_id": ids}).reindex(columns=columns).assign(unavailable_reason=reason)
        return {"behaviour": scored, "behaviour_groups": pd.DataFrame(columns=GROUPS.names)}


JOB = Behaviour()
