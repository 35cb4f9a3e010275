"""Publish: copy what readers may see out of the warehouse into a release folder, then replace one link.

The order of the steps is what makes a kill harmless: everything is written and flushed under a temporary name, the
folder is renamed, the ledger is written, and only then the link `current` is replaced.
"""

import datetime as dt
import json
import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline import ledger, report
from pipeline.duck import connect, quote_identifier, quote_literal
from pipeline.errors import UserError
from pipeline.files import TEMPORARY_PREFIX, fsync_path, remove_temporaries, write_json
from pipeline.lock import run_lock
from pipeline.plan import load_plan
from pipeline.releases import (
    CHECKS,
    CONTACT_TABLES,
    CONTACTS,
    DATABASE,
    MANIFEST,
    Table,
    attach_read_only,
    open_release,
    published_tables,
    read_manifest,
    read_tables,
    releases_folder,
    table_content,
)
from pipeline.settings import Settings

KEPT_RELEASES = 14
SCORE_TABLES = {
    "segments": "customer_segments",
    "clv": "customer_clv",
    "churn": "customer_churn",
    "model_runs": "model_runs",
    "model_metrics": "model_metrics",
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


def publish(settings: Settings) -> str:
    """Publish the audited warehouse and return the release's id.

    Raises
    ------
    UserError
        The gate has not passed for this build, or the same inputs gave other data than a release of the same id.
    """
    plan = load_plan(settings)
    release = Release(
        plan.release_id, plan.as_of, plan.code_version, plan.input_hash, tuple(plan.sources), plan.currency
    )
    publish_release(settings, release)
    return release.release_id


def publish_release(settings: Settings, release: Release, *, keep: int = KEPT_RELEASES) -> None:
    """Write a release, point `current` at it, and remove all but the newest `keep` releases."""
    checks = _passed_checks(settings, release)
    releases = releases_folder(settings)
    releases.mkdir(parents=True, exist_ok=True)
    with run_lock(settings, "publish"):
        remove_temporaries(settings.serving)
        folder = releases / release.release_id
        temporary = releases / f"{TEMPORARY_PREFIX}{os.getpid()}-{release.release_id}"
        manifest = _write_release(settings, release, checks, temporary)
        if folder.is_dir():
            _check_same(folder, manifest)
            shutil.rmtree(temporary)
        else:
            temporary.rename(folder)
            fsync_path(releases)
        _write_ledger(settings, release, checks, folder)
        _point_current_at(settings, release.release_id)
        _remove_old(settings, keep)


def _passed_checks(settings: Settings, release: Release) -> dict[str, Any]:
    path = settings.build / CHECKS
    if not path.is_file():
        raise UserError(f"{path} is not there: the release has not been audited, so it is not published.")
    checks: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
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
    folder.mkdir(mode=0o700)  # closed until the contacts inside have their own mode
    with closing(connect(folder / DATABASE)) as connection:
        attach_read_only(connection, settings.warehouse, "warehouse")
        tables = published_tables(read_tables(connection, "warehouse"))
        for table in tables:
            _copy_table(connection, table, table.schema)
        _record_checks(connection, checks)
        connection.execute("detach warehouse")
        content = {table.full_name: table_content(connection, table) for table in tables}
        _write_parquet(connection, tables, folder / "parquet")
    _write_contacts(settings, folder / CONTACTS)
    report.write_overview(folder / DATABASE, folder / "overview.png", release.currency)
    manifest = {
        "release_id": release.release_id,
        "as_of_date": str(release.as_of_date),
        "code_version": release.code_version,
        "input_hash": release.input_hash,
        "sources": list(release.sources),
        "checks_passed": checks["passed"],
        "checks_warned": checks["warned"],
        "tables": content,
    }
    write_json(folder / CHECKS, checks)
    write_json(folder / MANIFEST, manifest)
    for path in sorted(folder.rglob("*")):
        fsync_path(path)
    folder.chmod(0o755)
    fsync_path(folder)
    return manifest


def _copy_table(connection: duckdb.DuckDBPyConnection, table: Table, schema: str) -> None:
    target = f"{quote_identifier(schema)}.{quote_identifier(table.name)}"
    parts = [f"{quote_identifier(name)} {kind}" for name, kind in table.columns.items()]
    if table.primary_key:
        parts.append(f"primary key ({', '.join(quote_identifier(name) for name in table.primary_key)})")
    connection.execute(f"create schema if not exists {quote_identifier(schema)}")
    connection.execute(f"create table {target} ({', '.join(parts)})")
    connection.execute(f"insert into {target} select * from warehouse.{table.sql_name} order by {table.order_by}")
    if table.comment:
        connection.execute(f"comment on table {target} is {quote_literal(table.comment)}")
    for name, comment in table.column_comments.items():
        connection.execute(f"comment on column {target}.{quote_identifier(name)} is {quote_literal(comment)}")


def _record_checks(connection: duckdb.DuckDBPyConnection, checks: dict[str, Any]) -> None:
    """Write into `marts.release` what only the gate knows."""
    connection.execute("update marts.release set checks_passed = $1", [checks["passed"]])


def _write_parquet(connection: duckdb.DuckDBPyConnection, tables: list[Table], folder: Path) -> None:
    for table in tables:
        target = folder / table.schema / f"{table.name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(f"copy {table.sql_name} to {quote_literal(str(target))} (format parquet, compression zstd)")


def _write_contacts(settings: Settings, target: Path) -> None:
    """Write the sibling file; its tables stand in schema main, so that `contacts.<table>` is catalog and table."""
    with closing(connect(target)) as connection:
        target.chmod(0o600)
        attach_read_only(connection, settings.warehouse, "warehouse")
        for table in read_tables(connection, "warehouse"):
            if table.full_name in CONTACT_TABLES:
                _copy_table(connection, table, "main")


def _check_same(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare all but `ops`, which also tells how long the loads took."""
    published = read_manifest(folder)
    names = sorted({*published["tables"], *manifest["tables"]})
    differing = [
        name
        for name in names
        if not name.startswith("ops.") and published["tables"].get(name) != manifest["tables"].get(name)
    ]
    if published["input_hash"] == manifest["input_hash"] and not differing and (folder / DATABASE).is_file():
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
    ledger.record(
        settings,
        {
            "release_id": release.release_id,
            "as_of_date": str(release.as_of_date),
            "sources": sorted(release.sources),
            "code_version": release.code_version,
            "input_hash": release.input_hash,
            "score_files": files,
            "checks": {name: checks[name] for name in ("passed", "warned", "stopped")},
        },
    )


def _point_current_at(settings: Settings, release_id: str) -> None:
    link = settings.serving / f"{TEMPORARY_PREFIX}{os.getpid()}-current"
    link.symlink_to(Path("releases") / release_id)
    link.replace(settings.serving / "current")
    fsync_path(settings.serving)


def _remove_old(settings: Settings, keep: int) -> None:
    """Keep the releases written last; the current one counts and always stays. What is no release is left alone."""
    current = (settings.serving / "current").resolve()
    manifests = [path for path in releases_folder(settings).glob(f"*/{MANIFEST}") if path.parent.resolve() != current]
    manifests.sort(key=lambda path: (path.stat().st_mtime_ns, path.parent.name), reverse=True)
    for path in [manifest.parent for manifest in manifests[keep - 1 :]]:
        doomed = path.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{path.name}")
        path.rename(doomed)  # half a release must not look like one
        shutil.rmtree(doomed)
