"""Retention: the newest days are kept in full, the last release of each month with its marts, and no others.

Campaign lists are kept as long as their release is kept in full.

A release is replaced by two renames, so this is never done to the current one. Between them it is whole under
`<id>.replaced`, and after a kill the next `clean_up` puts it back.
"""

import logging
import os
import re
import shutil
from pathlib import Path

import duckdb

from pipeline.base.errors import UserError
from pipeline.base.files import TEMPORARY_PREFIX, fsync_path, fsync_tree, remove_temporaries, write_sealed
from pipeline.base.settings import Settings
from pipeline.build import history
from pipeline.serving import ledger
from pipeline.serving.damage import states
from pipeline.serving.releases import (
    CONTACTS,
    DATABASE,
    MANIFEST,
    attach_read_only,
    copy_table,
    current_release,
    has_facts,
    kept_releases,
    new_database,
    read_manifest,
    read_tables,
    releases_folder,
    write_parquet,
)

log = logging.getLogger("perennial")
MONTHLY_SCHEMAS = ("marts", "ops")
REPLACED = ".replaced"
RELEASE_ID = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")


def thin_out(settings: Settings) -> None:
    """Remove or reduce releases that are not kept in full, their lists, and files that no later build reads.

    A folder that is not a release stays, and so does a release that cannot be reduced because it is damaged. In
    `lists`, folders that are not named like a release stay. The caller holds the lock.
    """
    order = {
        entry["release_id"]: (not entry.get("rolled_back_to"), entry["sequence"]) for entry in ledger.entries(settings)
    }
    folders = {path.name: path for path in kept_releases(settings)}
    manifests = {name: read_manifest(path) for name, path in folders.items()}
    ours = sorted(folders, key=lambda name: (order.get(name, (False, 0)), name))
    current = current_release(settings).name
    before = [name for name in ledger.published_before(settings, current) if name in ours]
    kept = history.choose(
        [(name, manifests[name]["as_of_date"]) for name in ours],
        daily=settings.daily_releases,
        monthly=settings.monthly_releases,
        always=[current, *before[-1:]],
    )
    for name in ours:
        if name in kept.monthly and has_facts(manifests[name]):
            _reduce_whole(folders[name])
        elif name not in kept.full | kept.monthly:
            _remove(folders[name])
    _remove_lists(settings, kept.full)
    history.thin_out(settings)


def _remove_lists(settings: Settings, kept: frozenset[str]) -> None:
    """Remove the lists of all other releases, also of those that no longer exist."""
    for folder in sorted(settings.lists.glob("[!.]*/")):
        if RELEASE_ID.fullmatch(folder.name) and folder.name not in kept:
            _remove(folder)


def clean_up(settings: Settings) -> None:
    """Remove the temporary files of a killed process, and put back a release that it was replacing.

    The caller holds the lock.
    """
    remove_temporaries(settings.serving)
    remove_temporaries(settings.lists)
    for path in releases_folder(settings).glob(f"[!.]*{REPLACED}"):
        target = path.with_name(path.name.removesuffix(REPLACED))
        if target.exists():
            _remove(path)
        else:
            path.rename(target)


def _reduce_whole(folder: Path) -> None:
    """Reduce a release to its marts; log one that is damaged and cannot be reduced."""
    try:
        _reduce(folder)
    except (UserError, duckdb.Error) as error:
        reason = str(error).splitlines()[0]
        log.warning("%s cannot be reduced to its marts (%s). Restore it from a backup, or delete it.", folder, reason)


def _reduce(folder: Path) -> None:
    """Replace a release by one that has `marts` and `ops` only."""
    smaller = _temporary(folder)
    write_smaller(folder, smaller)
    replace_release(folder, smaller)


def replace_release(folder: Path, new: Path) -> None:
    """Give a release that is written and flushed its name; a release that had the name is removed."""
    earlier = folder.with_name(folder.name + REPLACED)
    if folder.is_dir():
        folder.rename(earlier)
    new.rename(folder)
    fsync_path(folder.parent)
    if earlier.is_dir():
        _remove(earlier)


def write_smaller(folder: Path, smaller: Path) -> None:
    """Write a monthly release from the `marts` and `ops` of another one."""
    manifest = read_manifest(folder)
    left_out = shutil.ignore_patterns("parquet", DATABASE, CONTACTS, MANIFEST)
    shutil.copytree(folder, smaller, ignore=left_out)
    with new_database(smaller / DATABASE) as connection:
        attach_read_only(connection, folder / DATABASE, "full")
        tables = [table for table in read_tables(connection, "full") if table.schema in MONTHLY_SCHEMAS]
        for table in tables:
            copy_table(connection, "full", table, table.schema)
        connection.execute('detach "full"')
        write_parquet(connection, tables, smaller / "parquet")
    names = {table.full_name for table in tables}
    content = {name: table for name, table in manifest["tables"].items() if name in names}
    write_sealed(smaller / MANIFEST, {**manifest, "tables": content, "files": states(smaller)})
    fsync_tree(smaller)


def _remove(folder: Path) -> None:
    doomed = _temporary(folder)
    folder.rename(doomed)  # half a release must not look like one
    shutil.rmtree(doomed)


def _temporary(folder: Path) -> Path:
    return folder.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{folder.name}")
