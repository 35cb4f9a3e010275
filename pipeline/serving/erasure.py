"""Erasure: personal values erased from the landing also leave the warehouse, the releases and the lists.

Personal columns land in files of their own, beside the rows that they belong to. They are erased by deleting such a
file, or in part by rewriting it with null in place of the erased values (docs/runbook.md). A receipt has the hash of
the file as it landed, so what has been erased follows from the landing. It is one of the inputs of a build:

- before a build, `forget` removes what earlier builds have written, because DuckDB keeps deleted bytes in its files;
- after publishing, `scrub` removes from the kept releases the values that the new one no longer has.

A release records what had been erased when it was written or scrubbed, so the next run completes what a kill left.
"""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base.duck import connect, quote_identifier
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, atomic_path, read_sealed, sha256_of, sha256_of_file, write_sealed
from pipeline.base.settings import Settings
from pipeline.landing.receipts import Receipt, read_receipt
from pipeline.serving.damage import states
from pipeline.serving.releases import (
    CONTACTS,
    MANIFEST,
    attach_read_only,
    copy_table,
    current_release,
    has_facts,
    kept_releases,
    new_database,
    read_manifest,
    read_tables,
)

# {source: hash of its files that are missing or have changed since they landed}; only sources that have any.
Erased = dict[str, str]
GONE = "gone"
STATE = "erased.json"
HASHES = "personal_files.json"

log = logging.getLogger("perennial")

# Records of the customers of an earlier release, and the customers that they belong to now.
NOW = """
create temp table now as
select earlier.customer_id, present.customer_id as now_id
from earlier.customer_source_id as earlier
inner join present.customer_source_id as present using (source_system, source_customer_id)
"""
# Customers with records of sources that the current release does not have, and of which nothing was erased.
UNTOUCHED = """
create temp table untouched as
select distinct customer_id from earlier.customer_source_id where list_contains($1, source_system)
"""
SOURCE_IDS = """
create table kept.core.customer_source_id as
select * from earlier.customer_source_id
where
    list_contains($1, source_system)
    or (source_system, source_customer_id) in (
        select (source_system, source_customer_id) from present.customer_source_id
    )
"""
# A value is kept where one of the customer's records still has it.
CONTACT_ROWS = """
create table kept.core.dim_customer_contact as
select
    customer_id,
    {values}
from earlier.dim_customer_contact as earlier
left join now using (customer_id)
left join present.dim_customer_contact as present on now.now_id = present.customer_id
group by customer_id
having coalesce({texts}) is not null
"""
VALUE = """any_value(earlier.{name}) filter (
        where earlier.{name} = present.{name} or customer_id in (select customer_id from untouched)
    )"""


def erased(settings: Settings) -> Erased:
    """Return what has been erased of each source."""
    path = settings.build / HASHES
    known = _read(path)
    hashes: dict[str, Any] = {}
    changed: dict[str, dict[str, str]] = {}
    for file in sorted(settings.landing.glob("[!_.]*/*/[!.]*.json")):
        receipt = _receipt(settings, file)
        if receipt is None:
            continue
        name = receipt["personal"]
        hashes[name] = _hash(settings.home / name, known.get(name))
        if hashes[name][-1] != receipt["personal_sha256"]:
            changed.setdefault(receipt["source"], {})[name] = hashes[name][-1]
    if hashes != known:
        write_sealed(path, hashes)
    return {source: sha256_of(files) for source, files in changed.items()}


def _read(path: Path) -> dict[str, Any]:
    """Read a state of the build folder. A damaged one counts as empty, so everything is checked again."""
    try:
        return read_sealed(path, "", is_checksum_needed=True) if path.is_file() else {}
    except DamagedError:
        return {}


def _receipt(settings: Settings, path: Path) -> Receipt | None:
    """Return the receipt of a load with personal columns. An older one without the hash of its file is completed."""
    try:
        receipt = read_receipt(path)
    except UserError:
        return None  # a build that reads its source reports it
    if receipt["personal"] is None:
        return None
    file = settings.home / receipt["personal"]
    if receipt["personal_sha256"] is None and file.is_file():
        receipt["personal_sha256"] = sha256_of_file(file)
        write_sealed(path, receipt)
    return receipt


def _hash(path: Path, known: list[Any] | None) -> list[Any]:
    """Return what shows a change of a file without reading it, and the hash of its content."""
    if not path.is_file():
        return [GONE]
    found = path.stat()
    facts = [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]
    return known if known and known[:-1] == facts else [*facts, sha256_of_file(path)]


def of_sources(found: Erased, sources: Mapping[str, Any] | list[str] | tuple[str, ...]) -> Erased:
    """Return what has been erased of some sources."""
    return {source: found[source] for source in sorted(sources) if source in found}


def is_behind(manifest: Mapping[str, Any], found: Erased) -> bool:
    """Return whether something has been erased, or has come back, since a release was written or scrubbed."""
    return bool(manifest.get("erased", {}) != of_sources(found, manifest["sources"]))


def forget(settings: Settings, found: Erased, run_id: str) -> None:
    """Remove what earlier builds have written, if something has been erased since. The caller holds the lock.

    Logs go too, because an error may quote a value; only those of the running DAG run stay.
    """
    path = settings.build / STATE
    if _read(path) == found:
        return
    log.warning("Personal columns have been erased since the last build: everything is rebuilt.")
    for file in settings.home.glob(f"{settings.warehouse.name}*"):
        _remove(file)
    for folder in (settings.spark_tables, settings.features, settings.home / "dbt", settings.home / "docs"):
        _remove(folder)
    for file in settings.build.glob("*"):
        if file != path:
            _remove(file)
    for folder in (settings.home / "airflow" / "logs").glob("dag_id=*/run_id=*"):
        if folder.name != f"run_id={run_id}":
            _remove(folder)
    with_contacts = {folder.name for folder in kept_releases(settings) if (folder / CONTACTS).is_file()}
    for folder in settings.lists.glob("[!.]*/"):
        if folder.name not in with_contacts:  # without the contacts it is unknown what the list contains
            _remove(folder)
    write_sealed(path, found)


def scrub(settings: Settings, found: Erased) -> None:
    """Remove erased values from the contacts of the kept releases, and the lists that were made of them.

    A value that the current release does not have for a customer's records is removed. If the current release itself
    is older than the erasure, there is nothing to compare with, and nothing is done. The caller holds the lock.
    """
    current = current_release(settings)
    present = read_manifest(current)
    behind = {
        folder: manifest for folder in kept_releases(settings) if is_behind(manifest := read_manifest(folder), found)
    }
    if current in behind or not (behind and _can_be_read(current / CONTACTS)):
        return
    for folder, manifest in behind.items():
        untouched = [
            source
            for source in manifest["sources"]
            if source not in present["sources"] and manifest.get("erased", {}).get(source) == found.get(source)
        ]
        lists = settings.lists / folder.name
        try:
            if has_facts(manifest):
                _scrub_contacts(folder / CONTACTS, current / CONTACTS, untouched, lists)
            else:
                _remove(lists)
        except (UserError, duckdb.Error) as error:
            log.warning("The contacts of release %s cannot be read, so they are removed: %s", folder.name, error)
            _remove(lists)
            _remove(folder / CONTACTS)
        erased_now = of_sources(found, manifest["sources"])
        files = {name: state for name, state in manifest.get("files", {}).items() if name != CONTACTS}
        files |= states(folder, [CONTACTS])
        write_sealed(folder / MANIFEST, {**manifest, "erased": erased_now, "files": files})


def _can_be_read(path: Path) -> bool:
    try:
        connect(path, read_only=True).close()
    except duckdb.Error as error:
        log.warning("%s cannot be read: nothing can be compared with it. %s", path, error)
        return False
    return True


def _scrub_contacts(path: Path, present: Path, untouched: list[str], lists: Path) -> None:
    """Rewrite the contacts of a release without the erased values; if there are any, its lists are removed first."""
    with atomic_path(path) as temporary, new_database(temporary) as connection:
        temporary.chmod(0o600)
        attach_read_only(connection, path, "earlier")
        attach_read_only(connection, present, "present")
        connection.execute("attach ':memory:' as kept")
        connection.execute("create schema kept.core")
        connection.execute(NOW)
        connection.execute(UNTOUCHED, [untouched])
        connection.execute(SOURCE_IDS, [untouched])
        tables = {table.name: table for table in read_tables(connection, "earlier", ["main"])}
        columns = [quote_identifier(name) for name in tables["dim_customer_contact"].columns if name != "customer_id"]
        values = [f"{VALUE.format(name=name)} as {name}" for name in columns]
        # Where a value came from is none: without the values, nothing is left of a customer.
        told = [name for name in columns if not name.endswith(('_source"', '_record"'))]
        texts = [f"cast({VALUE.format(name=name)} as varchar)" for name in told]
        connection.execute(CONTACT_ROWS.format(values=",\n    ".join(values), texts=", ".join(texts)))
        if _differ(connection, tables):
            _remove(lists)
        for table in tables.values():
            copy_table(connection, "kept", replace(table, schema="core"), "main")
        for alias in ("earlier", "present", "kept"):
            connection.execute(f"detach {alias}")


def _differ(connection: duckdb.DuckDBPyConnection, names: Mapping[str, Any]) -> bool:
    return any(
        connection.execute(
            f"select exists (from earlier.{name} except from kept.core.{name})"  # no value is ever added
        ).fetchall()[0][0]
        for name in names
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
