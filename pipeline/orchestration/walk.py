"""Run the tasks of a DAG one after the other in this process, without a metadata database.

Airflow's task runner runs each task, so that arguments, XComs, callbacks and listeners are those of a scheduled run.
`DAG.test` would start Airflow's API server in this process and migrate a database first, which takes longer than the
tasks of a run that finds nothing changed.
"""

import datetime as dt
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

from airflow.sdk import DAG
from airflow.sdk.api.datamodels._generated import (
    DagRun,
    DagRunState,
    DagRunType,
    InactiveAssetsResponse,
    TaskInstance,
    TIRunContext,
    XComResponse,
)
from airflow.sdk.definitions._internal.contextmanager import DagContext
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse, SkipDownstreamTasks
from airflow.sdk.execution_time.supervisor import run_task_in_process

SUCCESS = "success"


def load_dags(folder: Path) -> dict[str, DAG]:
    """Import the DAG files of a folder; return their DAGs by id."""
    found: set[tuple[DAG, ModuleType]] = set()
    for path in sorted(folder.glob("*.py")):
        name = f"perennial_dags_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        DagContext.current_autoregister_module_name = name
        spec.loader.exec_module(module)
        found |= DagContext.autoregistered_dags
    DagContext.current_autoregister_module_name = None
    return {dag.dag_id: dag for dag, _ in found}


def walk(dag: DAG) -> bool:
    """Run the tasks of a DAG in their order; return whether none failed. After a failed task, no other is run."""
    server = _Server(dag)
    done: set[str] = set()
    for task in dag.topological_sort():
        if not task.upstream_task_ids <= done or task.task_id in server.skipped:
            continue
        instance = TaskInstance(
            id=uuid4(),
            task_id=task.task_id,
            dag_id=dag.dag_id,
            run_id=server.run.run_id,
            try_number=1,
            dag_version_id=server.version,
        )
        result = run_task_in_process(instance, task, client=server)
        if result.state == SUCCESS:
            done.add(task.task_id)
        elif result.state != "skipped":
            return False
    return True


class _Server:
    """What the task runner asks of Airflow's API server, for one run of a DAG. The run has no date."""

    def __init__(self, dag: DAG) -> None:
        now = dt.datetime.now(dt.UTC)
        self.version = uuid4()
        self.run = DagRun(
            dag_id=dag.dag_id,
            run_id=f"manual__{now.isoformat()}",
            logical_date=None,
            data_interval_start=None,
            data_interval_end=None,
            run_after=now,
            start_date=now,
            end_date=None,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            consumed_asset_events=[],
            partition_key=None,
        )
        self.skipped: set[str] = set()
        self.task_instances = _TaskInstances(self)
        self.xcoms = _XComs()
        self.connections = _Connections()


class _TaskInstances:
    def __init__(self, server: _Server) -> None:
        self.server = server

    def start(self, *_: Any) -> TIRunContext:
        """Begin a task."""
        return TIRunContext(dag_run=self.server.run, max_tries=0)

    def skip_downstream_tasks(self, _: Any, message: SkipDownstreamTasks) -> None:
        """Leave out tasks of this run."""
        self.server.skipped |= {each if isinstance(each, str) else each[0] for each in message.tasks}

    def validate_inlets_and_outlets(self, _: Any) -> InactiveAssetsResponse:
        """Every asset of a DAG file is there."""
        return InactiveAssetsResponse(inactive_assets=[])

    def ended(self, *_: Any, **__: Any) -> None:
        """Take a message of which nothing is kept: the runner returns the state, and listeners print it."""

    succeed = finish = set_rtif = set_rendered_map_index = ended


class _XComs:
    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Any] = {}

    def set(self, dag_id: str, run_id: str, task_id: str, key: str, value: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        """Keep what a task returns."""
        self.values[task_id, key] = value

    def get(self, dag_id: str, run_id: str, task_id: str, key: str, *_: Any) -> XComResponse:  # noqa: ARG002
        """Return what a task has returned; null where it returned nothing."""
        return XComResponse(key=key, value=self.values.get((task_id, key)))


class _Connections:
    def get(self, name: str) -> ErrorResponse:
        """Airflow has no connections here: those of `make run` are environment variables."""
        return ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND, detail={"conn_id": name})
