"""Segments, tiers and lifecycle stages of all customers on the as-of date. Nothing here is trained."""

import pandas as pd

from mining.segments.lifecycle import stages
from mining.segments.rfm import rfm
from mining.segments.tiers import tiers_through
from mining.store import FeatureSet

JOB = "segments"


def score(features: FeatureSet) -> pd.DataFrame:
    """One row per customer: RFM scores, segment, tier and lifecycle stage."""
    frames = [features.at(date) for date in features.dates if date < features.as_of]
    now = features.at(features.as_of)
    result = rfm(now)
    result.insert(0, "customer_id", now["customer_id"])
    result["tier"] = tiers_through([*frames, now])
    result["lifecycle_stage"] = stages(now, frames)
    return result
