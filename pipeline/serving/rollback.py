"""`perennial rollback`: publish an earlier release again, after checking that it is whole."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.lock import run_lock
from pipeline.base.numbers import amount_text
from pipeline.base.settings import Settings
from pipeline.serving import erasure, ledger
from pipeline.serving.damage import find_damage
from pipeline.serving.releases import (
    CHECKS,
    CONTACTS,
    contact_tables,
    current_release,
    has_facts,
    kept_releases,
    open_release,
    point_current_at,
    published_tables,
    read_manifest,
    read_tables,
    table_content,
)
from pipeline.serving.retention import clean_up


def rollback(settings: Settings, release_id: str | None = None) -> str:
    """Point `current` at an earlier release and return the lines to print.

    The releases published after it are marked in the ledger, so that a build of their inputs publishes nothing.

    Parameters
    ----------
    settings : Settings
    release_id : str, optional
        Default: the release published before the current one.

    Raises
    ------
    UserError
        There is no such release, or it is not whole. Readers keep what they have.
    """
    with run_lock(settings, "make rollback"):
        clean_up(settings)
        current = current_release(settings)
        erasure.scrub(settings, erasure.erased(settings))
        target = _target(settings, current, release_id)
        check_whole(target)
        marked = ledger.roll_back(settings, target.name)
        point_current_at(settings, target.name)
        # Exported when the release was new, so they contain customers who have said no since.
        shutil.rmtree(settings.lists / target.name, ignore_errors=True)
        return _message(settings, current, target, marked)


def check_whole(folder: Path) -> None:
    """Compare a release with its manifest: every table by rows, columns and hash, and the files beside them.

    Raises
    ------
    UserError
        Something is missing, or differs from the manifest.
    """
    try:
        manifest = read_manifest(folder)
        wrong = _differences(folder, manifest)
        if not wrong and "files" in manifest and (found := find_damage(folder)):
            wrong = [found]
    except (UserError, OSError, ValueError, KeyError, duckdb.Error, pa.ArrowException) as error:
        wrong = [str(error).splitlines()[0]]
    if wrong:
        raise UserError(
            f"{folder} is not whole ({'; '.join(wrong)}). Nothing was changed: readers keep what they have. Choose "
            "another release (`make rollback RELEASE=…`), or restore this folder from a backup."
        )


def _differences(folder: Path, manifest: dict[str, Any]) -> list[str]:
    expected = manifest["tables"]
    with closing(open_release(folder)) as connection:
        catalog = connection.execute("select current_database()").fetchall()[0][0]
        tables = published_tables(read_tables(connection, catalog))
        found = {table.full_name: table_content(connection, table) for table in tables}
    wrong = [f"{name} is not as in release.json" for name in sorted(expected) if found.get(name) != expected[name]]
    wrong += [f"{name} is not in release.json" for name in sorted(set(found) - set(expected))]
    for name, table in expected.items():
        path = folder / "parquet" / Path(*name.split("."))
        if pq.read_metadata(path.with_suffix(".parquet")).num_rows != table["rows"]:
            wrong.append(f"parquet/{name} has other rows than release.json says")
    if manifest["release_id"] != folder.name:
        wrong.append(f"release.json is of {manifest['release_id']}")
    if not (folder / CHECKS).is_file():
        wrong.append(f"{CHECKS} is not there")
    if has_facts(manifest):
        with closing(connect(folder / CONTACTS, read_only=True)) as connection:
            for name in contact_tables():
                connection.execute(f"select count(*) from {name.split('.')[1]}")
    return wrong


def _target(settings: Settings, current: Path, release_id: str | None) -> Path:
    folders = {path.name: path for path in kept_releases(settings)}
    kept = f"Kept: {', '.join(sorted(folders))}."
    if not release_id:
        before = [name for name in ledger.published_before(settings, current.name) if name in folders]
        if not before:
            raise UserError(f"There is no release before {current.name} to go back to. {kept}")
        return folders[before[-1]]
    if release_id not in folders:
        raise UserError(f"RELEASE is '{release_id}': there is no such release. {kept}")
    if release_id == current.name:
        raise UserError(f"Readers see release {release_id} already. {kept}")
    if release_id not in [entry["release_id"] for entry in ledger.entries(settings)]:
        raise UserError(f"RELEASE is '{release_id}': it was never published, for {settings.ledger} does not name it.")
    return folders[release_id]


def _message(settings: Settings, before: Path, target: Path, marked: list[str]) -> str:
    manifest = read_manifest(target)
    with closing(open_release(target)) as connection:
        customers, sales, currency = connection.execute(
            "select count(*), coalesce(sum(net_sales), 0), (select max(currency) from marts.release)"
            " from marts.customer_360"
        ).fetchall()[0]
    net_sales = amount_text(sales, currency)
    lines = [
        f"Readers now see release {target.name}, as of {manifest['as_of_date']} (before: {before.name}).",
        f"It is whole: {len(manifest['tables'])} tables, {customers:,} customers, net sales {net_sales}.",
        "Open connections go on reading the release that they opened.",
    ]
    if not has_facts(manifest):
        lines.append("It is a monthly release: marts and ops only. Queries of schema core, and contacts, fail on it.")
    if marked:
        lines.append(
            f"Rolled back: {', '.join(marked)}. The next `make run` with these inputs publishes nothing; new data, "
            f"code or settings do. To publish it again: make rollback RELEASE={marked[-1]}"
        )
    lines += [
        f"Lists of {name} have been exported ({settings.lists / name}): they contain figures that were rolled "
        "back. Recall them, or export again."
        for name in (before.name,)
        if (settings.lists / name).is_dir() and name in marked
    ]
    if has_facts(manifest):
        lines.append("Lists of this release: make lists (without customers who have said no since).")
    return "\n".join(lines)
