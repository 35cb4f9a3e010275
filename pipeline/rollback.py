"""`make rollback`: give readers an earlier release again, after checking that it is whole."""

import os
import shutil
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import erasure, ledger
from pipeline.damage import find_damage
from pipeline.duck import connect
from pipeline.errors import UserError
from pipeline.lock import run_lock
from pipeline.releases import (
    CHECKS,
    CONTACT_TABLES,
    CONTACTS,
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
from pipeline.retention import clean_up
from pipeline.settings import Settings, every_source, load_settings


def main() -> int:
    """Roll back to `RELEASE`, or to the release before the current one; return the exit code."""
    try:
        print(rollback(load_settings(every_source(os.environ)), os.environ.get("RELEASE") or None))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def rollback(settings: Settings, release_id: str | None = None) -> str:
    """Point `current` at an earlier release and return what to tell the person who asked for it.

    The releases published after it are marked in the ledger: a build of their inputs publishes nothing.

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
        # Exported when the release was new: whoever has said no since is in them.
        shutil.rmtree(settings.lists / target.name, ignore_errors=True)
        return _message(settings, current, target, marked)


def check_whole(folder: Path) -> None:
    """Compare a release with its manifest: every table by rows, columns and hash, and the files beside them.

    Raises
    ------
    UserError
        Something is missing or other than the manifest says.
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
            for name in CONTACT_TABLES:
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
        customers, sales = connection.execute(
            "select count(*), coalesce(sum(net_sales), 0)::decimal(18, 2) from marts.customer_360"
        ).fetchall()[0]
    lines = [
        f"Readers now see release {target.name}, as of {manifest['as_of_date']} (before: {before.name}).",
        f"It is whole: {len(manifest['tables'])} tables, {customers:,} customers, net sales {sales:,.2f}.",
        "Connections that are open read on in the release that they opened.",
    ]
    if not has_facts(manifest):
        lines.append("It is a monthly release: marts and ops only. Queries of schema core, and contacts, fail on it.")
    if marked:
        lines.append(
            f"Rolled back: {', '.join(marked)}. The next `make run` with these inputs publishes nothing; new data, "
            f"code or settings do. To publish it again: make rollback RELEASE={marked[-1]}"
        )
    lines += [
        f"Lists of {name} have been exported ({settings.lists / name}): whoever has them has figures that were rolled "
        "back. Recall them, or export again."
        for name in (before.name,)
        if (settings.lists / name).is_dir() and name in marked
    ]
    if has_facts(manifest):
        lines.append("Lists of this release: make lists (without anybody who has said no since).")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
