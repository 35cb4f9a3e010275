"""Run the suites; stop the build with a readable message, or let it pass with its warnings."""

from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd

from pipeline.audit.checks import NEXT_STEP, STOP, Check, ChecksShape, count, text_of, write_checks
from pipeline.audit.collapse import compare_with_published
from pipeline.audit.frames import ACCOUNTS, landing_frame, marts_frame, open_warehouse
from pipeline.audit.pages import forget_results, results_folder, save_result, write_pages
from pipeline.audit.reconciliation import REPORT, verdict, write_report
from pipeline.audit.suites import checks_of, marts_suites, validate
from pipeline.base.errors import UserError
from pipeline.base.files import read_sealed
from pipeline.base.settings import Settings
from pipeline.build.plan import Plan, load_plan
from pipeline.sources.definitions import load_source


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
    result = validate("landing", landing_frame(settings, plan.receipts))
    forget_results(settings)
    save_result(results_folder(settings), result)
    identity = {"landing_hash": plan.landing_hash}
    return _finish(settings, "landing_checks", identity, checks_of(result), "What landed, checked")


def audit_marts(settings: Settings) -> dict[str, int]:
    """Check what is about to be published; what was found, with the landing's, goes into the release as checks.json.

    The accounts are written as `build/report.md`, whether they balance or not, and go into the release too.

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
    frames: dict[str, pd.DataFrame] = {}
    with closing(open_warehouse(settings, plan.release_id, plan.as_of, _quiet_sources(plan))) as connection:
        compare_with_published(connection, settings, plan)
        for suite in marts_suites():
            checks += run_on_warehouse(connection, suite, results_folder(settings), frames)
        models = _said_of_models(connection)
    identity = {"release_id": plan.release_id}
    if ACCOUNTS in frames:
        write_report(settings.build / REPORT, plan.release_id, plan.currency, frames[ACCOUNTS], models)
        identity["accounts"] = verdict(frames[ACCOUNTS])
    totals = _finish(settings, "checks", identity, checks, f"Release {plan.release_id}, checked")
    write_pages(settings)
    return totals


def _said_of_models(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Jobs with the decision on their models, and what has drifted; none where the tables are not there."""
    try:
        return connection.execute(
            "select job, said from (select job, decision as said, 0 as place from marts.model_runs union"
            " select job, finding || '.', 1 from marts.score_drift where finding is not null) order by job, place, said"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []


def _quiet_sources(plan: Plan) -> list[str]:
    """Sources whose tables may all bring nothing on a day: `volume: null`."""
    sources = [load_source(name) for name in plan.sources]
    return [source.name for source in sources if all(table.volume is None for table in source.tables.values())]


def run_on_warehouse(
    connection: duckdb.DuckDBPyConnection,
    suite: str,
    results: Path | None = None,
    frames: dict[str, pd.DataFrame] | None = None,
) -> list[Check]:
    """Make a suite's frame and run it; a table or column that is not there is a check that stops.

    What was found is saved in the folder `results`, and the frame is added to `frames`, if they are given.
    """
    try:
        frame = marts_frame(connection, suite)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        return [_not_readable(suite, error)]
    result = validate(suite, frame)
    if results:
        save_result(results, result)
    if frames is not None:
        frames[suite] = frame
    return checks_of(result)


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
    content = read_sealed(path, NEXT_STEP, ChecksShape, is_checksum_needed=True) if path.exists() else {}
    if content.get("landing_hash") != plan.landing_hash:
        raise UserError("The landed files of this build have not been audited: run audit_landing first (`make run`).")
    return [Check(**check) for check in content["checks"]]


def _finish(
    settings: Settings, name: str, identity: dict[str, str], checks: list[Check], heading: str
) -> dict[str, int]:
    path = settings.build / name
    write_checks(path, identity, checks, heading)
    totals = count(checks)
    if totals["stopped"]:
        failed = [check for check in checks if not check.success and check.severity == STOP]
        raise UserError(
            text_of(failed, "The gate stopped the build; what is published stays as it is.")
            + f"\nThe whole report: {path.with_suffix('.txt')}\nAs pages: {write_pages(settings)}"
        )
    return totals
