"""`make run`: the project's DAGs, once, in order, in one process, and a summary of what they made.

Exit code 0: published, or nothing has changed. 2: something that the user can put right. 1: anything else.
"""

import datetime as dt
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.airflow_settings import airflow_environment, airflow_home, prepare, run_database
from pipeline.errors import UserError
from pipeline.lock import run_lock
from pipeline.settings import Settings, load_settings

WIDTH = 100
EXPORT = "export_campaign_lists"


class RunError(Exception):
    """A DAG failed for a reason that is not the user's: the message says where to look."""


def main() -> int:
    """Run everything; return the exit code."""
    return command(run)


def command(action: Callable[[Settings, Console], None]) -> int:
    """Do what a make target does, with its messages and exit codes."""
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"), highlight=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    log: Path | None = None
    try:
        settings = load_settings()
        log = log_file(settings)
        action(settings, console)
        return 0
    except UserError as error:
        console.print(Text(f"\n{error}", style="red"), soft_wrap=True)
        return 2
    except KeyboardInterrupt:
        console.print("\nStopped. What was published before is untouched; the same command starts again.")
        return 130
    except Exception as error:
        logging.getLogger("perennial").exception("the run failed")
        console.print(Text(f"\nThe run failed: {error}", style="red"), soft_wrap=True)
        console.print(f"What was published before is untouched. The whole log: {log}", soft_wrap=True)
        return 1


def run(settings: Settings, console: Console, *, extract: bool = True) -> None:
    """Extract, build, publish and list, alone in CRM_HOME but for loads."""
    with run_lock(settings, "make run", say=console.print):
        redirect_output(settings)
        build(settings, console, extract=extract)


def log_file(settings: Settings) -> Path:
    """Where a run's output goes that is not for the person in front of it."""
    return airflow_home(settings) / "logs" / "run.log"


def use_airflow(settings: Settings) -> None:
    """Prepare Airflow for this process; afterwards it may be imported."""
    database = run_database(settings)
    prepare(settings, database)
    os.environ.update(airflow_environment(settings, database=database))


def redirect_output(settings: Settings) -> None:
    """Send what Airflow and dbt print to a file; the console keeps a descriptor of its own."""
    log = log_file(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as handle:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(handle.fileno(), stream.fileno())


def build(settings: Settings, console: Console, *, extract: bool) -> None:
    """Walk the DAGs in order, then print the summary."""
    from pipeline.build import published, repaired, undone_release
    from pipeline.sources import active_sources, broken_inactive, company, providers
    from pipeline.summary import print_summary

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
    """Export the lists of the release that stays published: whoever has said no since is to leave them."""
    try:
        run_dags([EXPORT])
    except (UserError, RunError) as error:
        console.print(Text(str(error), style="red"), soft_wrap=True)


def dag_runner(console: Console) -> Callable[[list[str]], None]:
    """Parse the DAGs, and return what runs some of them one after the other.

    It stops at the first that fails: with UserError where that is something that the user can put right, else RunError.
    """
    from airflow.dag_processing.dagbag import DagBag

    from dags.local.progress import Progress

    progress = Progress(console)
    bag = DagBag()

    def run_dags(dag_ids: list[str]) -> None:
        if missing := [dag_id for dag_id in dag_ids if dag_id not in bag.dags]:
            raise RunError("\n".join([f"no DAG {', '.join(missing)}", *bag.import_errors.values()]))
        for dag_id in dag_ids:
            progress.heading(dag_id)
            dag = bag.dags[dag_id]
            for task in dag.tasks:
                task.retries = 0  # dag.test() would wait out the delay
            # The date only names the run: intervals and as-of dates come from the receipts.
            run = dag.test(logical_date=dt.datetime.now(dt.UTC))
            if run.state != "success" or progress.failed_task:
                raise failure(*progress.take_failure())

    return run_dags


def failure(task: str | None, error: Any) -> BaseException:
    """What a failed task means for the user."""
    cause = getattr(error, "__cause__", None)
    if isinstance(cause, UserError):
        return UserError(str(cause))
    if isinstance(error, KeyboardInterrupt):
        return error
    return RunError(f"{task}: {error}" if task else "Airflow ended the run without a failed task")


if __name__ == "__main__":
    sys.exit(main())
