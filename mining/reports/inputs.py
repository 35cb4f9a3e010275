"""The inputs of a model: those of the customers it learned from last, stored with it, and those of a release."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

from mining.protocol import TrainedJob
from mining.reports.drift import compare, profile
from mining.sampling import sampled
from mining.store import FeatureSet
from pipeline.base.attempt import Failure, attempt
from pipeline.base.model_files import Model

CUSTOMERS = 100_000
"""Customers that are compared, at most (`mining.sampling`)."""
INPUT_DRIFT = pa.schema(
    {
        "run_id": pa.string(),
        "job": pa.string(),
        "model_version": pa.string(),
        "as_of_date": pa.date32(),
        "input": pa.string(),
        "meaning": pa.string(),
        "reference_date": pa.date32(),
        "reference_customers": pa.int64(),
        "customers": pa.int64(),
        "reference_missing_share": pa.float64(),
        "missing_share": pa.float64(),
        "psi": pa.float64(),
        "psi_by_chance": pa.float64(),
    }
)
"""What a run writes of each input; `marts.score_drift` says what it means."""


def with_profile(job: TrainedJob, model: Model, features: FeatureSet) -> Model:
    """Add the inputs of the newest earlier customers that the features describe: churn learned from them last.

    The customers of the as-of day itself are those of the first release that the model scores.
    """
    day = max((date for date in features.dates if date < features.as_of), default=features.as_of)
    if model["model"] is None:
        return model
    found = attempt(f"describing the inputs of {job.name}", lambda: profile(day, _inputs(job, model, features, day)))
    return {**model, "profile": None if isinstance(found, Failure) else found}


def input_drift(job: TrainedJob, features: FeatureSet, model: Model | None) -> list[dict[str, Any]]:
    """Compare the inputs of a release with those that are stored with the model: one row per input."""
    known = model.get("profile") if model else None
    if not model or not known:
        return []
    found = attempt(f"comparing the inputs of {job.name}", lambda: _inputs(job, model, features, features.as_of))
    if isinstance(found, Failure):
        return []
    meanings = job.meanings(list(found))
    return [
        {
            "job": job.name,
            "model_version": model["model_version"],
            "input": name,
            "meaning": meanings[name],
            "reference_date": dt.date.fromisoformat(known["date"]),
            "reference_customers": known["customers"],
            "customers": len(values),
            **compare(known["inputs"][name], values)._asdict(),
        }
        for name, values in found.items()
        if name in known["inputs"]
    ]


def _inputs(job: TrainedJob, model: Model, features: FeatureSet, day: dt.date) -> dict[str, np.ndarray]:
    return dict(job.inputs(sampled(features.at(day), CUSTOMERS), model))
