"""A bad row in each column of each entity, and no job or picture that works: all else is published."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipeline.base.catalog import input_contract
from pipeline.base.settings import ROOT
from tests.support.builds.project import make_project, run_in
from tests.support.builds.quick import TABLES_ONLY

CONTRACT: dict[str, dict[str, Any]] = input_contract()
GOOD_ROWS = 1500
VALUES = {
    "decimal": "1.00",
    "rate": "1.5",
    "integer": "1",
    "boolean": "true",
    "date": "2024-01-15",
    "timestamp": "2024-01-15 10:00:00",
}
UNREADABLE = "no such value"
ROUNDED = "4.91511E+12"
SAID_OF_COLUMN = {
    "missing": "missing",
    "unreadable": "not a ",
    "word": "not one of ",
    "rounded": "a number that was rounded",
    "negative": "negative",
    "decimals": "more than 4 decimals",
    "early": "before the first interval of the source",
    "currency": "no exchange rate to the reporting currency on its day",
}
NOT_ACCEPTED = "order_id: not among the accepted orders"
SOURCE: dict[str, Any] = {
    "description": "A company that records everything.",
    "kind": "files",
    "location": "${COMPANY}",
    "schedule": "none",
    "currency": "EUR",
    "time_zone": "UTC",
    "history": "complete",
    "first_interval_start": "2024-01-01",
}
BREAK = {
    "mining/segments/job.py": "def score(*features):\n    raise KeyError('gap')\n",
    "mining/clv/training.py": "from numpy.linalg import LinAlgError\n\n\ndef train(features, **needs):\n"
    "    raise LinAlgError('Singular matrix')\n",
    "mining/churn/training.py": "def train(features, **needs):\n    return {}['coefficients']\n",
    "mining/effects/job.py": "def effects(arms):\n    raise ZeroDivisionError('no customers')\n",
    "mining/uplift/training.py": "def train(features, needs):\n    raise FloatingPointError('overflow')\n",
    "mining/matching/job.py": "def matched_effects(rows):\n    raise IndexError('no neighbour')\n",
    "mining/behaviour/training.py": "def train(features):\n    raise ArithmeticError('no groups')\n",
    "pipeline/outputs/report/headline.py": "def sales(marts):\n    raise OverflowError('too many ticks')\n",
}
BUILD = """
from pipeline.audit import gate
from pipeline.serving.publish import publish
from pipeline.base.settings import load_settings
from tests.warehouse import steps

settings = load_settings()
steps.build(settings, after_planning=gate.audit_landing)
gate.audit_marts(settings)
publish(settings)
"""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one row: a column, its value, and how the reason begins."""

    entity: str
    column: str
    value: str
    said: str


def faults_of(entity: str, column: str) -> Iterator[Fault]:
    """Every way in which a column of the contract can be bad, one row for each."""
    spec = CONTRACT[entity]
    kind, is_required = spec["columns"][column]
    found = {
        "missing": "" if is_required else None,
        "unreadable": None if kind == "text" else UNREADABLE,
        "word": UNREADABLE if column in spec.get("allowed", {}) else None,
        "rounded": ROUNDED if kind == "text" and is_read_as_identifier(entity, column) else None,
        "negative": "-5.00" if column in spec.get("positive", ()) else None,
        "decimals": "1.00005" if kind == "decimal" else None,
        "early": "1999-12-31 10:00:00" if kind == "timestamp" and is_required else None,
        "currency": "ZZZ" if column == "currency" else None,
    }
    for fault, value in found.items():
        if value is not None:
            yield Fault(entity, column, value, f"{column}: {SAID_OF_COLUMN[fault]}")


def is_read_as_identifier(entity: str, column: str) -> bool:
    return column in CONTRACT[entity]["key"] or column in {"source_customer_id", "order_id", "product_id"}


def is_free_text(entity: str, column: str) -> bool:
    """Text that may say anything, or nothing: no value of it is bad."""
    spec = CONTRACT[entity]
    kind, is_required = spec["columns"][column]
    is_checked = column in spec.get("allowed", {}) or column == "currency" or is_read_as_identifier(entity, column)
    return kind == "text" and not is_required and not is_checked


FAULTS = {
    entity: [fault for column in spec["columns"] for fault in faults_of(entity, column)]
    for entity, spec in CONTRACT.items()
}


def good_row(entity: str, name: str) -> dict[str, str]:
    """A row that is accepted: what is required, and a key of its own."""
    spec, row = CONTRACT[entity], {}
    for column, (kind, is_required) in spec["columns"].items():
        words = spec.get("allowed", {}).get(column)
        if is_required:
            row[column] = words[0] if words else VALUES.get(kind, f"{column}-{name}")
    if entity == "orders":
        row |= {"source_customer_id": f"source_customer_id-{name}", "currency": "EUR"}
    return row


def is_order_id(fault: Fault) -> bool:
    return fault.column == "order_id"


def rows_of(entity: str) -> list[dict[str, str]]:
    """Good rows, then one row per fault; each order with faults has a good line, each bad line a good order."""
    rows = [good_row(entity, f"g{n}") for n in range(GOOD_ROWS)]
    rows += [{**good_row(entity, f"b{n}"), fault.column: fault.value} for n, fault in enumerate(FAULTS[entity])]
    if entity == "orders":
        rows += [good_row("orders", f"l{n}") for n, fault in enumerate(FAULTS["order_lines"]) if not is_order_id(fault)]
    if entity == "order_lines":
        for n, row in enumerate(rows[GOOD_ROWS:]):
            row["order_id"] = (
                row["order_id"].replace("-b", "-l") if FAULTS[entity][n].column != "order_id" else row["order_id"]
            )
        rows += [good_row("order_lines", f"b{n}") for n in range(len(FAULTS["orders"]))]
    return rows


def expected(entity: str) -> dict[int, str]:
    """How the reason of each row begins that is set aside, by its position in the file, from 1."""
    found = {GOOD_ROWS + n + 1: fault.said for n, fault in enumerate(FAULTS[entity])}
    if entity == "order_lines":
        fallen = range(GOOD_ROWS + len(FAULTS["order_lines"]), len(rows_of(entity)))
        found |= {n + 1: NOT_ACCEPTED for n in fallen}
    return found


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published folder of a company with a bad row for each fault, built by code whose jobs all fail."""
    folder = tmp_path_factory.mktemp("planted")
    files = folder / "files"
    files.mkdir()
    tables, staging = {}, {}
    for entity, spec in CONTRACT.items():
        with (files / f"{entity}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["row", *spec["columns"]])
            writer.writeheader()
            writer.writerows({"row": str(n), **row} for n, row in enumerate(rows_of(entity)))
        tables[entity] = {"file": f"{entity}.csv", "format": "csv", "load": "snapshot", "key": ["row"]}
        if entity == "orders":
            tables[entity]["event_time"] = "ordered_at"
        columns = {column: f'"{column}"' for column in spec["columns"]}
        staging[entity] = f"{{{{ stage('{entity}', landed('{entity}'), columns={columns}) }}}}\n"
    project = make_project(folder, "company", yaml.safe_dump({**SOURCE, "tables": tables}), staging)
    for name, code in BREAK.items():
        with (project / name).open("a", encoding="utf-8") as file:
            file.write(f"\n\n{code}")
    home = folder / "home"
    named = {"CRM_HOME": home, "CRM_SOURCES": "company", "COMPANY": files, **TABLES_ONLY}
    run_in(project, BUILD, **named, PYTHONPATH=f"{project}:{ROOT}")
    return home / "serving" / "current"


def ask(release: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(release / "perennial.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_column_of_the_contract_is_planted_or_free_text() -> None:
    planted = {(fault.entity, fault.column) for faults in FAULTS.values() for fault in faults}
    for entity, spec in CONTRACT.items():
        for column in spec["columns"]:
            assert ((entity, column) in planted) is not is_free_text(entity, column), (entity, column)


@pytest.mark.slow
def test_each_planted_row_is_set_aside_with_its_column_and_nothing_else_is(release: Path) -> None:
    rows = ask(release, "select entity, position_in_file, reason from ops.quarantine")
    found = {(entity, position): reason for entity, position, reason in rows}
    wanted = {(entity, position): said for entity in CONTRACT for position, said in expected(entity).items()}
    assert found.keys() == wanted.keys()
    assert {key: found[key] for key, said in wanted.items() if not found[key].startswith(said)} == {}
    fates = ask(release, "select entity, fate, sum(landed_rows)::int from ops.row_fates group by all")
    counts = {(entity, fate): rows for entity, fate, rows in fates}
    for entity in CONTRACT:
        assert counts[entity, "accepted"] == len(rows_of(entity)) - len(expected(entity)), entity
        assert counts[entity, "quarantined"] == len(expected(entity)), entity


@pytest.mark.slow
def test_every_job_is_refused_by_name_and_all_else_is_published(release: Path) -> None:
    runs = ask(release, "select job, is_published, failure, decision from marts.model_runs")
    assert {job: (is_published, failure) for job, is_published, failure, _ in runs} == {
        "segments": (False, "KeyError: 'gap'"),
        "clv": (False, "LinAlgError: Singular matrix"),
        "churn": (False, "KeyError: 'coefficients'"),
        "effects": (False, "ZeroDivisionError: no customers"),
        "subscriptions": (False, None),
        "uplift": (False, "FloatingPointError: overflow"),
        "matching": (False, "IndexError: no neighbour"),
        "behaviour": (False, "ArithmeticError: no groups"),
    }
    decisions = {job: decision for job, *_, decision in runs}
    assert decisions["clv"] == (
        "Not published: training clv has no result on these data (LinAlgError: Singular matrix)."
    )
    buyers = "join marts.customer_360 as c using (customer_id) where c.purchases > 0"
    for job in ("segments", "clv", "churn"):
        query = f"select distinct s.unavailable_reason from marts.customer_{job} as s {buyers}"
        assert ask(release, query) == [(decisions[job],)]
    assert ask(release, "select count(p_value) from marts.campaign_performance") == [(0,)]
    stages = "select distinct s.segment_name, s.tier, s.lifecycle_stage from marts.customer_segments as s"
    assert ask(release, f"{stages} {buyers}") == [(None, None, None)]
    assert ask(release, "select count(*) from marts.segment_profile") == [(0,)]
    audience = "select distinct s.reason, s.is_included from marts.campaign_audience as s"
    of_winback = f"{audience} {buyers} and s.list_name = 'winback'"
    assert ask(release, of_winback) == [("out: the segments could not be computed", False)]
    report = (release / "report.html").read_text(encoding="utf-8")
    assert "Writing &#39;Sales&#39; has no result on these data (OverflowError: too many ticks)." in report
    assert report.count("<section id=") == 14
    checks = (release / "checks.json").read_text(encoding="utf-8")
    assert "no job failed" in checks
