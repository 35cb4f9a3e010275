"""The report of a release as one HTML file: no script, nothing from the network, equal releases give equal bytes."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb

from pipeline.base.attempt import Failure, attempt
from pipeline.base.duck import connect
from pipeline.base.files import write_text
from pipeline.outputs.figures import sentence
from pipeline.outputs.page.render import render
from pipeline.outputs.report import campaigns, forecasts, groups, headline, movement, service, trust, value
from pipeline.outputs.report.chapter import Content, Marts, marts_of
from pipeline.outputs.summary import business

TEMPLATE = Path(__file__).with_name("report.html.j2")
TABLE = re.compile(r"\b(?:core|marts|ops)\.[a-z_0-9]+")
Chapter = Callable[[Marts], Content | str]
CHAPTERS: tuple[tuple[str, str, Chapter], ...] = (
    ("sales", "Sales", headline.sales),
    ("scorecard", "Scorecard", headline.scorecard),
    ("segments", "Segments", groups.segments),
    ("tiers", "Tiers", groups.tiers),
    ("lifecycle", "Lifecycle", movement.lifecycle),
    ("moved", "Who moved", movement.moved),
    ("cohorts", "Cohorts", value.cohorts),
    ("concentration", "Concentration", value.concentration),
    ("service", "Service", service.by_month),
    ("satisfaction", "Satisfaction", service.satisfaction),
    ("forecasts", "Forecasts", forecasts.forecasts),
    ("campaigns", "Campaigns", campaigns.campaigns),
    ("data", "Data", trust.data),
    ("models", "Models", trust.models),
)


@dataclass(frozen=True)
class Written:
    """A chapter as the page shows it: its content, or why it has none, and what it asked of which tables."""

    key: str
    title: str
    content: Content | None
    why: str
    tables: tuple[str, ...]
    queries: tuple[str, ...]


def write_report(database: Path, target: Path) -> None:
    """Write the report of a release.

    Parameters
    ----------
    database : Path
        The release's `perennial.duckdb`.
    target : Path
        The HTML file to write.
    """
    with closing(connect(database, read_only=True)) as release:
        write_text(target, render(TEMPLATE, view(release)).decode())


def view(release: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what the template shows."""
    release_id, sources, currency, as_of = release.execute(
        "select release_id, sources, currency, as_of_date from marts.release"
    ).fetchall()[0]
    tiles = [(name.strip(), value, remark) for name, value, remark in business(release, currency)]
    return {
        "release_id": release_id,
        "sources": sources.replace(",", ", "),
        "as_of": f"{as_of:%d %B %Y}".lstrip("0"),
        "tiles": tiles,
        "chapters": [chapter(release, *each) for each in CHAPTERS],
    }


def chapter(release: duckdb.DuckDBPyConnection, key: str, title: str, make: Chapter) -> Written:
    """Return a chapter; one that cannot be made says why, and the others are made."""
    marts = marts_of(release)
    made = attempt(f"writing '{title}'", lambda: make(marts))
    why = sentence(made.reason) if isinstance(made, Failure) else made if isinstance(made, str) else ""
    queries = tuple(dict.fromkeys(dedent(sql).strip() for sql in marts.asked))
    tables = tuple(dict.fromkeys(name for sql in queries for name in TABLE.findall(sql)))
    return Written(key, title, made if isinstance(made, Content) else None, why, tables, queries)
