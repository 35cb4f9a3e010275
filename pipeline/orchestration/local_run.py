"""`perennial run`: the project's DAGs, once, in order, in one process, and a summary of what they made."""

import os
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.base.errors import UserError
from pipeline.base.lock import run_lock
from pipeline.base.settings import Settings
from pipeline.orchestration.airflow_settings import DAGS_FOLDER, airflow_environment, log_file, prepare_home

EXPORT = "export_campaign_lists"


class RunError(Exception):
    """A DAG failed with an error that the user cannot correct; the message names the log."""


def run(settings: Settings, console: Console, *, extract: bool = True) -> None:
    """Extract, build, publish and list. Only loads may run beside it in the same CRM_HOME."""
    with run_lock(settings, "make run", say=console.print):
        redirect_output(settings)
        build(settings, console, extract=extract)


def use_airflow(settings: Settings) -> None:
    """Prepare Airflow for this process; afterwards it may be imported. It has no metadata database."""
    prepare_home(settings)
    os.environ.update({**airflow_environment(settings), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite://"})


def redirect_output(settings: Settings) -> None:
    """Send what Airflow and dbt print to a file; the console keeps a descriptor of its own."""
    log = log_file(settings, "run")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    with log.open("a", encoding="utf-8") as handle:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(handle.fileno(), stream.fileno())


def build(settings: Settings, console: Console, *, extract: bool) -> None:
    """Walk the DAGs in order, then print the summary."""
    from pipeline.build.dbt_process.process import started_ahead
    from pipeline.build.owner import published, repaired, undone_release
    from pipeline.build.spark.ready import check_ready
    from pipeline.outputs.summary import print_summary
    from pipeline.sources.definitions import active_sources, broken_inactive, company, providers

    check_ready(settings)
    for warning in broken_inactive(settings):
        console.print(Text(f"Warning: {warning}", style="yellow"), soft_wrap=True)
    active_sources(settings)
    company(settings)
    providers(settings)
    before = published(settings)
    use_airflow(settings)
    run_dags = dag_runner(console)
    extracts = [f"extract_{name}" for name in settings.sources] if extract else []
    try:
        with started_ahead():
            run_dags([*extracts, "build_customers"])
    except (UserError, RunError):
        if before:
            export_anyway(run_dags, console)
        raise
    run_dags([EXPORT])
    after = published(settings)
    undone, mended = undone_release(settings), repaired(settings)
    print_summary(settings, console, is_new=after != before, undone=undone, repaired=mended)


def export_anyway(run_dags: Callable[[list[str]], None], console: Console) -> None:
    """Export the lists of the release that stays published, without customers who have said no since."""
    try:
        run_dags([EXPORT])
    except (UserError, RunError) as error:
        console.print(Text(str(error), style="red"), soft_wrap=True)


def dag_runner(console: Console) -> Callable[[list[str]], None]:
    """Load the DAGs, and return what runs some of them one after the other.

    It stops at the first failed DAG: with UserError where the user can correct the cause, else with RunError.
    """
    from pipeline.orchestration.progress import Progress
    from pipeline.orchestration.walk import load_dags, walk

    progress = Progress(console)
    dags = load_dags(DAGS_FOLDER)

    def run_dags(dag_ids: list[str]) -> None:
        if missing := [dag_id for dag_id in dag_ids if dag_id not in dags]:
            raise RunError(f"no DAG {', '.join(missing)}")
        for dag_id in dag_ids:
            progress.heading(dag_id)
            for task in dags[dag_id].tasks:
                task.retries = 0  # nothing waits out the delay of a retry
            if not walk(dags[dag_id]) or progress.failed_task:
                raise failure(*progress.take_failure())

    return run_dags


def failure(task: str | None, error: Any) -> BaseException:
    """Return the error that a failed task means for the user."""
    cause = getattr(error, "__cause__", None)
    if isinstance(cause, UserError):
        return UserError(str(cause))
    if isinstance(error, KeyboardInterrupt):
        return error
    return RunError(f"{task}: {error}" if task else "Airflow ended the run without a failed task")
