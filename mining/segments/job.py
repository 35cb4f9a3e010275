"""The job `segments`: segment, tier and lifecycle stage of every customer on the as-of date. Nothing is trained."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import ClassVar

import pandas as pd

from mining.contract import mart_schema
from mining.protocol import Frames, Job, Options, Table
from mining.purchases import rhythm
from mining.segments.lifecycle import stages
from mining.segments.rfm import SCORES, rfm, segments
from mining.segments.table import largest_id
from mining.segments.tiers import tiers_through
from mining.sound import Claims
from mining.store import FeatureSet
from pipeline.base.model_files import Model

CLAIMS = Claims(
    {
        **dict.fromkeys(("recency_score", "frequency_score", "monetary_score"), (1.0, float(SCORES))),
        "segment_id": (1.0, float(largest_id())),
    },
    texts=("segment_name", "tier", "lifecycle_stage"),
)


CUT_OFFS = 9


class Segments(Job):
    """A run is described only where the segments could not be computed: there is no model to judge."""

    name = "segments"
    reads = rhythm.COLUMNS | {"net_sales_365d", "purchase_days_84d", "is_left_truncated"}
    tables: ClassVar[Mapping[str, Table]] = {"segments": Table(mart_schema("customer_segments"), CLAIMS)}

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:  # noqa: ARG002
        """See `score`."""
        return {"segments": score(features)}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:  # noqa: ARG002
        """One row per customer without any score, and with the reason."""
        customers = features.customers.to_frame("customer_id")
        columns = self.tables["segments"].schema.names
        return {"segments": customers.reindex(columns=columns).assign(unavailable_reason=reason)}


def earlier_dates(dates: Sequence[dt.date], as_of: dt.date) -> list[dt.date]:
    """Return the dates before the as-of day that a customer's way is followed through, oldest first.

    Nine cut-offs, though churn learns from more, and the day from which lifetime value is judged, which lies between
    two cut-offs.
    """
    earlier = [date for date in dates if date < as_of]
    if not earlier:
        return []
    step = (as_of - max(earlier)).days
    ago = {date: (as_of - date).days for date in earlier}
    return sorted(date for date, days in ago.items() if days <= CUT_OFFS * step or days % step)


def score(features: FeatureSet) -> pd.DataFrame:
    """One row per customer: RFM scores, segment, tier and lifecycle stage."""
    frames = [features.at(date) for date in earlier_dates(features.dates, features.as_of)]
    now = features.at(features.as_of)
    stage, scored = stages(now, frames), rfm(now)
    named = segments(now, scored, stage)
    result = pd.concat([now["customer_id"], scored, named], axis="columns")
    result["tier"] = tiers_through([*frames, now])
    result["lifecycle_stage"] = stage
    return result.assign(unavailable_reason=None)


JOB = Segments()
