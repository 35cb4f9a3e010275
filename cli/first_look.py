"""A first look at somebody's own files."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import every

if TYPE_CHECKING:
    from mining.clv.hidden import Grade
    from pipeline.onboarding.first_look.look import Look
    from pipeline.onboarding.first_look.page import Page


TOO_MANY = "there are more orders than a first look scores, and a build does"


def try_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files of orders, or a folder, or a ZIP of them.")
    ],
    to: Annotated[str, typer.Option(metavar="FOLDER", help="Where the page is written. Default: $CRM_HOME/try.")] = "",
    is_opened: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    with_names: Annotated[bool, typer.Option(help="Show customers by name: the page then has personal data.")] = False,
) -> None:
    """Look at your own files: one page, in a minute.

    CSV, Excel, JSON lines, Parquet, SQLite, or a ZIP of them, with nothing to configure. The page says what was
    understood and what was left out, grades a forecast on days that it hides from itself, and shows sales, segments and
    the list to send. It is one HTML file that needs no network. Nothing else is kept. For example:
    perennial try orders.csv
    """
    from pipeline.onboarding.first_look.look import first_look
    from pipeline.onboarding.first_look.page import write_page
    from pipeline.onboarding.first_look.summary import summary

    folder = Path(to).expanduser().absolute() if to else every().home / "try"
    with first_look(files) as look:
        page = make_page(look, with_names=with_names)
        target = write_page(page, folder / f"{look.name}.html", files)
        print(summary(page, target, files))
    if is_opened and _has_browser():
        webbrowser.open(target.as_uri())


def make_page(look: "Look", *, with_names: bool) -> "Page":
    """Score the customers with the jobs of mining, and grade its forecast."""
    from mining.jobs import leave_out, score
    from mining.protocol import TrainedJob
    from mining.registry import JOBS, find_job
    from pipeline.onboarding.first_look.facts import read_facts
    from pipeline.onboarding.first_look.page import Page

    if why := look.write_features():
        return Page(look, None, why.removesuffix("."), why, with_names)
    grade = _grade(look)
    as_of, sources = look.plan.as_of, look.plan.sources
    results = [
        leave_out(job, look.settings, as_of=as_of, sources=sources, reason=TOO_MANY)
        if look.is_large and isinstance(find_job(job), TrainedJob)
        else score(job, look.settings, as_of=as_of, sources=sources)
        for job in JOBS
    ]
    look.score(results)
    return Page(look, read_facts(look, with_names=with_names), grade, None, with_names)


def _grade(look: "Look") -> "Grade | str":
    from mining.clv.hidden import grade
    from mining.clv.job import JOB
    from mining.jobs import one_thread

    features = JOB.read(look.settings, look.plan.as_of, look.plan.sources)
    with one_thread():
        return grade(features, look.settings.clv_horizon_days)


def _has_browser() -> bool:
    """Whether there is a screen: on a server, a text browser would take over the terminal."""
    is_desktop = sys.platform in ("darwin", "win32") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & {*os.environ})
    return is_desktop and sys.stdout.isatty()
