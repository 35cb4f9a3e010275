"""Load a DAGs folder as Airflow does and write what is in it as JSON: describe_dags.py <folder> <file>."""

import json
import sys
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG


def watched_assets(condition: Any) -> list[str]:
    if condition is None:
        return []
    if hasattr(condition, "uri"):
        return [condition.uri]
    return sorted(uri for part in condition.objects for uri in watched_assets(part))


def describe_task(task: Any) -> dict[str, Any]:
    return {
        "owner": task.owner,
        "retries": task.retries,
        "downstream": sorted(task.downstream_task_ids),
        "outlets": sorted(outlet.uri for outlet in task.outlets),
        "has_alert": bool(task.on_failure_callback),
    }


def describe_dag(dag: DAG) -> dict[str, Any]:
    return {
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "timetable": type(dag.timetable).__name__,
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "watches": watched_assets(getattr(dag.timetable, "asset_condition", None)),
        "tasks": {task.task_id: describe_task(task) for task in dag.tasks},
    }


bag = DagBag(sys.argv[1])
described = {
    "import_errors": bag.import_errors,
    "seconds": {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats},
    "dags": {dag.dag_id: describe_dag(dag) for dag in bag.dags.values()},
}
Path(sys.argv[2]).write_text(json.dumps(described), encoding="utf-8")
