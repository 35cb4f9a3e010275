"""Which releases are kept: the newest days in full, the last release of each month with its marts, no others.

A release is replaced in two renames, so it is never the current one. Between them it stands under `<id>.replaced`,
whole, and the next `clean_up` puts it back: a kill loses nothing.
"""

import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline import ledger
from pipeline.duck import connect
from pipeline.files import TEMPORARY_PREFIX, fsync_path, fsync_tree, remove_temporaries, write_json
from pipeline.releases import (
    CONTACTS,
    DATABASE,
    MANIFEST,
    attach_read_only,
    copy_table,
    current_release,
    has_facts,
    kept_releases,
    read_manifest,
    read_tables,
    releases_folder,
    write_parquet,
)
from pipeline.settings import Settings

MONTHLY_SCHEMAS = ("marts", "ops")
REPLACED = ".replaced"


@dataclass(frozen=True)
class Kept:
    """Names of the releases that stay: in full, and with marts only."""

    full: frozenset[str]
    monthly: frozenset[str]


def choose(releases: Iterable[tuple[str, str]], *, daily: int, monthly: int, always: Iterable[str]) -> Kept:
    """Choose what stays.

    Parameters
    ----------
    releases
        Name and as-of date (ISO) of each release; of several of one date the last one counts.
    daily
        How many as-of dates are kept in full: the newest ones, and of each date the release published last.
    monthly
        How many months are kept: the newest ones, and of each month the release of its last day.
    always
        Kept in full in any case: the release that readers see, and the one that they saw before.
    """
    of_date = {as_of: name for name, as_of in releases}
    dates = sorted(of_date, reverse=True)
    of_month: dict[str, str] = {}
    for as_of in dates:
        of_month.setdefault(as_of[:7], of_date[as_of])
    full = frozenset([*(of_date[as_of] for as_of in dates[:daily]), *always])
    return Kept(full, frozenset(list(of_month.values())[:monthly]) - full)


def thin_out(settings: Settings) -> None:
    """Remove or reduce what is not kept in full. The caller holds the lock.

    A folder that is no release stays.
    """
    order = {
        entry["release_id"]: (not entry.get("rolled_back_to"), entry["sequence"]) for entry in ledger.entries(settings)
    }
    folders = {path.name: path for path in kept_releases(settings)}
    manifests = {name: read_manifest(path) for name, path in folders.items()}
    ours = sorted(folders, key=lambda name: (order.get(name, (False, 0)), name))
    current = current_release(settings).name
    before = [name for name in ledger.published_before(settings, current) if name in ours]
    kept = choose(
        [(name, manifests[name]["as_of_date"]) for name in ours],
        daily=settings.daily_releases,
        monthly=settings.monthly_releases,
        always=[current, *before[-1:]],
    )
    for name in ours:
        if name in kept.monthly and has_facts(manifests[name]):
            _reduce(folders[name])
        elif name not in kept.full | kept.monthly:
            _remove(folders[name])


def clean_up(settings: Settings) -> None:
    """Remove what a killed process left, and put back what it was about to replace. The caller holds the lock."""
    remove_temporaries(settings.serving)
    for path in releases_folder(settings).glob(f"[!.]*{REPLACED}"):
        target = path.with_name(path.name.removesuffix(REPLACED))
        if target.exists():
            _remove(path)
        else:
            path.rename(target)


def _reduce(folder: Path) -> None:
    """Replace a release by one that has `marts` and `ops` only."""
    smaller = _temporary(folder)
    _write_smaller(folder, smaller)
    replace_release(folder, smaller)


def replace_release(folder: Path, new: Path) -> None:
    """Give a release that is written and flushed its name; what had the name until now is removed."""
    earlier = folder.with_name(folder.name + REPLACED)
    if folder.is_dir():
        folder.rename(earlier)
    new.rename(folder)
    fsync_path(folder.parent)
    if earlier.is_dir():
        _remove(earlier)


def _write_smaller(folder: Path, smaller: Path) -> None:
    manifest = read_manifest(folder)
    left_out = shutil.ignore_patterns("parquet", DATABASE, CONTACTS, MANIFEST)
    shutil.copytree(folder, smaller, ignore=left_out)
    with closing(connect(smaller / DATABASE)) as connection:
        attach_read_only(connection, folder / DATABASE, "full")
        tables = [table for table in read_tables(connection, "full") if table.schema in MONTHLY_SCHEMAS]
        for table in tables:
            copy_table(connection, "full", table, table.schema)
        connection.execute('detach "full"')
        write_parquet(connection, tables, smaller / "parquet")
    names = {table.full_name for table in tables}
    content = {name: table for name, table in manifest["tables"].items() if name in names}
    write_json(smaller / MANIFEST, {**manifest, "tables": content})
    fsync_tree(smaller)


def _remove(folder: Path) -> None:
    doomed = _temporary(folder)
    folder.rename(doomed)  # half a release must not look like one
    shutil.rmtree(doomed)


def _temporary(folder: Path) -> Path:
    return folder.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{folder.name}")
