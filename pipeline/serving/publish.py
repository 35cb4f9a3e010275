"""Publish: copy what readers may see out of the warehouse into a release folder, then replace one link.

The order of the steps makes a kill harmless: everything is written and flushed under a temporary name, the folder is
renamed, the ledger is written, and only then the link `current` is replaced.
"""

import datetime as dt
import os
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipeline.audit.checks import ReleaseChecksShape
from pipeline.audit.reconciliation import REPORT
from pipeline.base.attempt import Failure, attempt
from pipeline.base.errors import UserError
from pipeline.base.files import (
    TEMPORARY_PREFIX,
    DamagedError,
    fsync_path,
    fsync_tree,
    read_sealed,
    remove,
    write_sealed,
)
from pipeline.base.lock import run_lock
from pipeline.base.scratch import full_disk_is_named
from pipeline.base.settings import Settings
from pipeline.build.features import EXPORTED, features_path
from pipeline.build.plan import load_plan
from pipeline.outputs import cards
from pipeline.outputs.report import page
from pipeline.serving import damage, erasure, ledger
from pipeline.serving.identity_ledger import record_changes
from pipeline.serving.releases import (
    CHECKS,
    CONTACTS,
    DATABASE,
    MANIFEST,
    RELEASE_REPORT,
    attach_read_only,
    contact_tables,
    copy_table,
    has_facts,
    new_database,
    open_release,
    point_current_at,
    published_tables,
    read_manifest,
    read_tables,
    releases_folder,
    software_version,
    table_content,
    write_parquet,
)
from pipeline.serving.retention import clean_up, replace_release, thin_out

SCORE_TABLES = {
    "segments": "customer_segments",
    "clv": "customer_clv",
    "churn": "customer_churn",
    "churn_horizons": "churn_horizons",
    "subscription_ends": "subscription_ends",
    "model_runs": "model_runs",
    "model_metrics": "model_metrics",
    "input_drift": "score_drift",
}


@dataclass(frozen=True)
class Release:
    """What identifies a release: equal inputs, equal id."""

    release_id: str
    as_of_date: dt.date
    code_version: str
    input_hash: str
    sources: tuple[str, ...]
    currency: str
    basis_hash: str = ""
    erased: erasure.Erased = field(default_factory=dict)


def publish(settings: Settings) -> str:
    """Publish the audited warehouse and return the release's id.

    Raises
    ------
    UserError
        The gate has not passed for this build, or the same inputs gave other data than a release of the same id.
    """
    plan = load_plan(settings)
    release = Release(
        plan.release_id,
        plan.as_of,
        plan.code_version,
        plan.input_hash,
        tuple(plan.sources),
        plan.currency,
        plan.basis_hash,
        plan.erased,
    )
    publish_release(settings, release)
    return release.release_id


def publish_release(settings: Settings, release: Release) -> None:
    """Write a release, point `current` at it, remove erased values from the older ones, and thin them out."""
    checks = _passed_checks(settings, release)
    releases = releases_folder(settings)
    releases.mkdir(parents=True, exist_ok=True)
    with run_lock(settings, "publish"), full_disk_is_named(settings, "What is published stays as it is."):
        clean_up(settings)
        folder = releases / release.release_id
        temporary = releases / f"{TEMPORARY_PREFIX}{os.getpid()}-{release.release_id}"
        try:
            manifest = _write_release(settings, release, checks, temporary)
            put_in_place(folder, temporary, manifest)
        finally:
            remove(temporary)
        record_changes(settings, release.release_id, str(release.as_of_date), release.sources)
        _write_ledger(settings, release, checks, folder)
        point_current_at(settings, release.release_id)
        erasure.scrub(settings, erasure.erased(settings))  # first: thinning out leaves lists behind
        thin_out(settings)


def put_in_place(folder: Path, new: Path, manifest: dict[str, Any]) -> None:
    """Give a new release its name. An existing full release with the same content stays; damage is repaired."""
    if not folder.is_dir():
        remove(folder)
        replace_release(folder, new)
        return
    try:
        published = read_manifest(folder)
    except DamagedError:
        damage.repair(folder, new)
        return
    _check_same(folder, published, manifest)
    if not has_facts(published) or published.get("erased", {}) != manifest["erased"]:
        replace_release(folder, new)  # it has marts only, or personal data that were removed from it have come back
    elif damage.find_damage(folder):
        damage.repair(folder, new)


def _passed_checks(settings: Settings, release: Release) -> dict[str, Any]:
    path = settings.build / CHECKS
    for needed in (path, settings.build / REPORT):
        if not needed.is_file():
            raise UserError(f"{needed} is not there: the release has not been audited, so it is not published.")
    checks = read_sealed(path, "Nothing was published; build again (`make run`).", ReleaseChecksShape)
    if checks["release_id"] != release.release_id:
        raise UserError(
            f"The checks in {path} are for release {checks['release_id']}, not for {release.release_id}, which is "
            "planned. Nothing was published; build again (`make run`)."
        )
    if checks["stopped"]:
        raise UserError(
            f"{checks['stopped']} checks stop release {release.release_id}: see {path}. Nothing was published."
        )
    return checks


def _write_release(settings: Settings, release: Release, checks: dict[str, Any], folder: Path) -> dict[str, Any]:
    folder.mkdir(mode=0o700)  # closed to others until the contacts inside have their own mode
    with new_database(folder / DATABASE) as connection:
        attach_read_only(connection, settings.warehouse, "warehouse")
        tables = published_tables(read_tables(connection, "warehouse"))
        for table in tables:
            copy_table(connection, "warehouse", table, table.schema)
        _record_checks(connection, checks)
        connection.execute("detach warehouse")
        content = {table.full_name: table_content(connection, table) for table in tables}
        write_parquet(connection, tables, folder / "parquet")
    _write_contacts(settings, folder / CONTACTS)
    not_drawn = _write_report(folder)
    not_drawn |= cards.write_cards(settings, folder, folder / DATABASE, release.currency)
    shutil.copyfile(settings.build / REPORT, folder / REPORT)
    write_sealed(folder / CHECKS, checks)
    manifest = {
        "accounts": checks["accounts"],
        "release_id": release.release_id,
        "as_of_date": str(release.as_of_date),
        "version": software_version(),
        "code_version": release.code_version,
        "input_hash": release.input_hash,
        "sources": list(release.sources),
        "erased": release.erased,
        "checks_passed": checks["passed"],
        "checks_warned": checks["warned"],
        "not_drawn": not_drawn,
        "tables": content,
        "files": damage.states(folder),
    }
    write_sealed(folder / MANIFEST, manifest)
    fsync_tree(folder)
    folder.chmod(0o755)
    fsync_path(folder)
    return manifest


def _write_report(folder: Path) -> dict[str, str]:
    """Write the release's report, or leave the file out where that fails. Return the reasons, by file."""
    report = folder / RELEASE_REPORT
    failure = attempt(f"writing {RELEASE_REPORT}", lambda: page.write_report(folder / DATABASE, report))
    if not isinstance(failure, Failure):
        return {}
    report.unlink(missing_ok=True)
    return {RELEASE_REPORT: failure.reason}


def _record_checks(connection: duckdb.DuckDBPyConnection, checks: dict[str, Any]) -> None:
    """Write the result of the gate into `marts.release`."""
    connection.execute("update marts.release set checks_passed = $1", [checks["passed"]])


def _write_contacts(settings: Settings, target: Path) -> None:
    """Write `contacts.duckdb`. Its tables are in schema main, so that `contacts.<table>` names catalog and table."""
    with new_database(target) as connection:
        target.chmod(0o600)
        attach_read_only(connection, settings.warehouse, "warehouse")
        for table in read_tables(connection, "warehouse"):
            if table.full_name in contact_tables():
                copy_table(connection, "warehouse", table, "main")


def _check_same(folder: Path, published: dict[str, Any], manifest: dict[str, Any]) -> None:
    """Compare everything except `ops`, which has the durations of loads; of a monthly release, only what it has."""
    names = sorted({*published["tables"], *(manifest["tables"] if has_facts(published) else ())})
    differing = [
        name
        for name in names
        if not name.startswith("ops.") and published["tables"].get(name) != manifest["tables"].get(name)
    ]
    if published["input_hash"] == manifest["input_hash"] and not differing:
        return
    raise UserError(
        f"{folder} holds a release of the same inputs but with other data (differing: "
        f"{', '.join(differing) or MANIFEST}). Nothing was published. Compare the two; to publish the new one, "
        "move that folder away and build again (`make run`)."
    )


def _write_ledger(settings: Settings, release: Release, checks: dict[str, Any], folder: Path) -> None:
    """Record which score files the release was made of: later releases keep them as history."""
    files: dict[str, list[str]] = {}
    with closing(open_release(folder)) as connection:
        for job, table in SCORE_TABLES.items():
            runs = connection.execute(f"select distinct run_id from marts.{table} order by run_id").fetchall()
            paths = [f"scores/{job}/as_of={release.as_of_date}/run={run}.parquet" for (run,) in runs]
            files[job] = [path for path in paths if (settings.home / path).is_file()]
    made_of = [path for paths in files.values() for path in paths]
    features = [features_path(settings, str(release.as_of_date), table) for table in EXPORTED]
    made_of += [path.relative_to(settings.home).as_posix() for path in features if path.is_file()]
    ledger.record(
        settings,
        {
            "release_id": release.release_id,
            "as_of_date": str(release.as_of_date),
            "sources": sorted(release.sources),
            "code_version": release.code_version,
            "input_hash": release.input_hash,
            "basis_hash": release.basis_hash,
            "score_files": files,
            "files": {path: ledger.file_state(settings, path) for path in made_of},
            "checks": {name: checks[name] for name in ("passed", "warned", "stopped")},
        },
    )
