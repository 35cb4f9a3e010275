"""What is written of each run and its model: the rows of `marts.model_runs` and `marts.model_metrics`."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from mining import schemas
from mining.evaluation import NO_WINDOW, refused
from mining.store import score_path, score_table, write_scores
from pipeline.attempt import Failure
from pipeline.models import Model
from pipeline.settings import Settings


def without_result(failure: Failure, parameters: dict[str, Any], baseline: str | None) -> Model:
    """Describe a model or run that has no result."""
    return {**refused(NO_WINDOW, parameters, baseline, failure.reason), "failure": failure.error}


def write_runs(settings: Settings, as_of: dt.date, runs: Sequence[tuple[str, Model]]) -> dict[str, str]:
    """Describe runs: the first one, which names the files, and the newest attempt where another model scored."""
    metrics = [{**row, "run_id": name, "job": model["job"]} for name, model in runs for row in model["model_metrics"]]
    tables = {
        "model_runs": ([_run_row(as_of, name, model) for name, model in runs], schemas.MODEL_RUNS),
        "model_metrics": (metrics, schemas.MODEL_METRICS),
    }
    first, _ = runs[0]
    return {
        table: write_scores(
            score_path(settings, table, as_of, first), score_table(pd.DataFrame(rows, columns=schema.names), schema)
        )
        for table, (rows, schema) in tables.items()
    }


def _run_row(as_of: dt.date, run_id: str, model: Model) -> dict[str, Any]:
    row = {name: model.get(name) for name in schemas.MODEL_RUNS.names}
    for name in ("parameters", "metrics", "baseline_metrics"):
        row[name] = json.dumps(model[name], sort_keys=True)
    for name in NO_WINDOW:
        row[name] = dt.date.fromisoformat(model[name]) if model[name] else None
    return {**row, "run_id": run_id, "as_of_date": as_of}
