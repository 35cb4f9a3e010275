"""Segments, tiers and lifecycle stages of all customers on the as-of date. Nothing here is trained."""

import pandas as pd

from mining.schemas import SEGMENTS
from mining.segments.lifecycle import stages
from mining.segments.rfm import rfm, segments
from mining.segments.tiers import tiers_through
from mining.store import FeatureSet

JOB = "segments"


def score(features: FeatureSet) -> pd.DataFrame:
    """One row per customer: RFM scores, segment, tier and lifecycle stage."""
    frames = [features.at(date) for date in features.dates if date < features.as_of]
    now = features.at(features.as_of)
    stage, scored = stages(now, frames), rfm(now)
    named = segments(now, scored, stage)
    result = pd.concat([now["customer_id"], scored, named], axis="columns")
    result["tier"] = tiers_through([*frames, now])
    result["lifecycle_stage"] = stage
    return result.assign(unavailable_reason=None)


def unscored(features: FeatureSet, unavailable: str) -> pd.DataFrame:
    """One row per customer without any score, and with the reason."""
    customers = features.customers.to_frame("customer_id")
    return customers.reindex(columns=SEGMENTS.names).assign(unavailable_reason=unavailable)
