"""Run the suites; stop the build with a readable message, or let it pass with its warnings."""

import json
from contextlib import closing
from pathlib import Path

import duckdb

from pipeline.audit.checks import STOP, Check, count, text_of, write_checks
from pipeline.audit.frames import landing_frame, marts_frame, open_warehouse
from pipeline.audit.suites import marts_suites, run_suite
from pipeline.errors import UserError
from pipeline.plan import Plan, load_plan
from pipeline.settings import Settings
from pipeline.sources import load_source


def audit_landing(settings: Settings) -> dict[str, int]:
    """Check what has landed, before anything is built from it.

    Returns
    -------
    dict of str to int
        Checks by outcome: passed, warned, stopped.

    Raises
    ------
    UserError
        A check stops the build; the message says which, what was observed and what to do first.
    """
    plan = load_plan(settings)
    checks = run_suite("landing", landing_frame(settings, plan.receipts))
    return _finish(
        settings.build / "landing_checks", {"landing_hash": plan.landing_hash}, checks, "What landed, checked"
    )


def audit_marts(settings: Settings) -> dict[str, int]:
    """Check what is about to be published; its report, with the landing's, goes into the release as checks.json.

    Returns
    -------
    dict of str to int
        Checks by outcome: passed, warned, stopped.

    Raises
    ------
    UserError
        A check stops the release, or the landing was not checked first.
    """
    plan = load_plan(settings)
    checks = _landing_checks(settings, plan)
    with closing(open_warehouse(settings, plan.release_id, plan.as_of, _quiet_sources(plan))) as connection:
        for suite in marts_suites():
            checks += run_on_warehouse(connection, suite)
    return _finish(
        settings.build / "checks", {"release_id": plan.release_id}, checks, f"Release {plan.release_id}, checked"
    )


def _quiet_sources(plan: Plan) -> list[str]:
    """Sources whose tables may all bring nothing on a day: `volume: null`."""
    sources = [load_source(name) for name in plan.sources]
    return [source.name for source in sources if all(table.volume is None for table in source.tables.values())]


def run_on_warehouse(connection: duckdb.DuckDBPyConnection, suite: str) -> list[Check]:
    """Make a suite's frame and run it; a table or column that is not there is a check that stops."""
    try:
        frame = marts_frame(connection, suite)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        return [_not_readable(suite, error)]
    return run_suite(suite, frame)


def _not_readable(suite: str, error: duckdb.Error) -> Check:
    return Check(
        suite=suite,
        check="the tables and columns that this suite reads are in the warehouse",
        expectation="query",
        column=None,
        severity=STOP,
        success=False,
        observed=str(error).splitlines()[0],
        reason="the names of published tables and columns are a contract with those who read them",
        owner="data-engineering",
        first_action=f"Compare expectations/{suite}.sql with the dbt model that it names.",
    )


def _landing_checks(settings: Settings, plan: Plan) -> list[Check]:
    path = settings.build / "landing_checks.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if content.get("landing_hash") != plan.landing_hash:
        raise UserError("The landed files of this build have not been audited: run audit_landing first (`make run`).")
    return [Check(**check) for check in content["checks"]]


def _finish(path: Path, identity: dict[str, str], checks: list[Check], heading: str) -> dict[str, int]:
    write_checks(path, identity, checks, heading)
    totals = count(checks)
    if totals["stopped"]:
        failed = [check for check in checks if not check.success and check.severity == STOP]
        raise UserError(
            text_of(failed, "The gate stopped the build; what is published stays as it is.")
            + f"\nThe whole report: {path.with_suffix('.txt')}"
        )
    return totals
