"""Load and build: `run`, `up`, `backfill`, and Airflow's own command."""

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import Sources, active
from pipeline.base.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100


def run(sources: Sources = "") -> None:
    """Extract, build, publish and list once, with a summary.

    When nothing has changed, nothing is published. What Airflow and dbt print is in the log,
    $CRM_HOME/airflow/logs/run.log.
    """
    from pipeline.orchestration.local_run import run as run_once

    run_once(active(sources), _console())


def up(sources: Sources = "") -> None:
    """Run Airflow with its web UI and the schedule until Ctrl-C.

    The web UI is at http://localhost:8080, or the port in CRM_AIRFLOW_PORT, for this machine only.
    """
    from rich.console import Console

    from pipeline.orchestration.web import serve

    serve(active(sources), Console(highlight=False))


def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first day, such as 2026-01-01.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last day, included.")],
    sources: Sources = "",
) -> None:
    """Load days again from scheduled sources, then build.

    Loads run beside the schedule. What is published stays as it is until the build has passed its gate.
    """
    from pipeline.orchestration.backfill import backfill as load_again

    load_again(active(sources), _console(), _day("FROM", first), _day("TO", last))


def airflow(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="WORDS...", help="Airflow's command.")] = None,
) -> None:
    """Airflow's own command, on the database of `perennial up`.

    For example: perennial airflow dags list-import-errors
    """
    from pipeline.orchestration.airflow_settings import become_airflow

    become_airflow(active(), arguments or [])


def _console() -> "Console":
    """A console with a descriptor of its own: a run sends standard output to its log."""
    from rich.console import Console

    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8"), highlight=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    return console


def _day(name: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            f"{name} is '{text}': give a day, for example make backfill FROM=2026-01-01 TO=2026-01-31."
        ) from error
