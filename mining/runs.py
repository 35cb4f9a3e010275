"""What is written of each run and its model: the rows of `marts.model_runs` and `marts.model_metrics`."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mining.contract import mart_schema
from mining.evaluation import NO_WINDOW, refused
from mining.reports.inputs import INPUT_DRIFT
from mining.store import score_path, score_table, write_scores
from pipeline.base.attempt import Failure
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings


def without_result(failure: Failure, parameters: dict[str, Any], baseline: str | None) -> Model:
    """Describe a model or run that has no result."""
    return {**refused(NO_WINDOW, parameters, baseline, failure.reason), "failure": failure.error}


def write_runs(
    settings: Settings, as_of: dt.date, runs: Sequence[tuple[str, Model]], drifts: Sequence[Mapping[str, Any]] = ()
) -> dict[str, str]:
    """Describe runs: the first one, which names the files, and the newest attempt where another model scored.

    `drifts` are those of the inputs of the model that scored.
    """
    first, _ = runs[0]
    metrics = [{**row, "run_id": name, "job": model["job"]} for name, model in runs for row in model["model_metrics"]]
    tables = {
        "model_runs": ([_run_row(as_of, name, model) for name, model in runs], mart_schema("model_runs")),
        "model_metrics": (metrics, mart_schema("model_metrics")),
        "input_drift": ([{**drift, "run_id": first, "as_of_date": as_of} for drift in drifts], INPUT_DRIFT),
    }
    return {
        table: write_scores(
            score_path(settings, table, as_of, first), score_table(pd.DataFrame(rows, columns=schema.names), schema)
        )
        for table, (rows, schema) in tables.items()
    }


def _run_row(as_of: dt.date, run_id: str, model: Model) -> dict[str, Any]:
    row = {name: model.get(name) for name in mart_schema("model_runs").names}
    for name in ("parameters", "metrics", "baseline_metrics"):
        row[name] = json.dumps(model[name], sort_keys=True)
    for name in NO_WINDOW:
        row[name] = dt.date.fromisoformat(model[name]) if model[name] else None
    return {**row, "run_id": run_id, "as_of_date": as_of}
