"""The ledger of identities: which customer each record was published as.

`landing/_ledger/identity/<number>.<release>.<hash>.parquet`: the records that a release published as another customer
than the releases before it, or no longer. A release that changes nothing has no file. A file is written before the link
to the release is replaced. If the publish then dies, the ids in it count as published, which changes none.

It has hashes of records, customer ids, and why a record belongs to its customer: no personal data. Files stay when
personal data are erased, so that an id never means anybody else.
"""

import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.duck import quote_literal
from pipeline.base.files import TEMPORARY_PREFIX, DamagedError, atomic_path, sha256_of_file
from pipeline.base.scratch import working_connection
from pipeline.base.settings import Settings
from pipeline.serving.releases import attach_read_only

FOLDER = "identity"
SOURCES = "perennial.sources"
NAME = re.compile(r"(\d{6})\.([\w-]+)\.([0-9a-f]{12})\.parquet")
NEXT_STEP = "Restore it from a backup, or delete it to forget which ids that release published."
COLUMNS = (
    *("source_record_key", "source_system", "customer_id", "match_rule", "matched_to"),
    *("match_weight", "evidence", "model_version"),
)
# The last change of a record says which customer it is; null: it was in no release since.
CHANGES = """
with ledger as (
    select source_record_key, any_value(source_system) as source_system,
        arg_max_null(customer_id, release_number) as customer_id
    from {changes} group by source_record_key
),
now as (select {columns} from warehouse.core.bridge_customer_source where is_current)
select {now_columns}, $as_of::date as as_of_date, $number::bigint as release_number
from now left join ledger using (source_record_key)
where now.customer_id is distinct from ledger.customer_id
union all by name
select source_record_key, ledger.source_system, null as customer_id, $as_of::date as as_of_date,
    $number::bigint as release_number
from ledger anti join now using (source_record_key)
where ledger.customer_id is not null and list_contains($sources, ledger.source_system)
order by source_record_key
"""
NOTHING = (
    "(select null::varchar as source_record_key, null::varchar as source_system, null::varchar as customer_id, "
    "null::bigint as release_number where false)"
)


@dataclass(frozen=True)
class Changes:
    """The file of a release."""

    number: int
    release_id: str
    path: Path


def published_changes(settings: Settings, sources: Collection[str]) -> list[Changes]:
    """Return the files of the releases that had one of some sources, oldest first.

    Raises
    ------
    DamagedError
        A file differs from what was written.
    """
    found = []
    for path in sorted((settings.ledger / FOLDER).glob("[!.]*.parquet")):
        state = path.stat()
        if not _sources_of(path, state.st_mtime_ns, state.st_size).isdisjoint(sources):
            found.append(Changes(*_named(path)[:2], path))
    return found


def changes_before(changes: list[Changes], release_of: Callable[[list[str]], str]) -> list[Changes]:
    """Return what a build starts from: the last release is left out where it is this build's own.

    Parameters
    ----------
    changes
        Of all releases.
    release_of
        Gives the id of the release that is made from releases before it, by their ids.
    """
    earlier = changes[:-1]
    is_own = changes and release_of([each.release_id for each in earlier]) == changes[-1].release_id
    return earlier if is_own else changes


def record_changes(settings: Settings, release_id: str, as_of: str, sources: Collection[str]) -> None:
    """Append the records that the built warehouse has as another customer than the releases before.

    A release that is published again has its file already. The caller holds the lock.
    """
    known = published_changes(settings, sources)
    if any(each.release_id == release_id for each in known):
        return
    folder = settings.ledger / FOLDER
    number = 1 + max((_named(path)[0] for path in folder.glob("[!.]*.parquet")), default=0)
    temporary = folder / f"{TEMPORARY_PREFIX}{os.getpid()}-changes.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with working_connection(settings.home) as connection:
            attach_read_only(connection, settings.warehouse, "warehouse")
            values = {"as_of": as_of, "number": number, "sources": sorted(sources)}
            connection.execute(f"create temp table changes as {_query(known)}", values)
            if not _copy(connection, temporary, sorted(sources)):
                return
        name = f"{number:06d}.{release_id}.{sha256_of_file(temporary)[:12]}.parquet"
        with atomic_path(folder / name) as path:
            temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _query(known: list[Changes]) -> str:
    files = ", ".join(quote_literal(str(each.path)) for each in known)
    return CHANGES.format(
        changes=f"read_parquet([{files}])" if known else NOTHING,
        columns=", ".join(COLUMNS),
        now_columns=", ".join(f"now.{name}" for name in COLUMNS),
    )


def _copy(connection: duckdb.DuckDBPyConnection, path: Path, sources: Collection[str]) -> int:
    """Write the changes, if there are any; return how many."""
    (rows,) = connection.execute("select count(*) from changes").fetchall()[0]
    if rows:
        metadata = f"{{{quote_literal(SOURCES)}: {quote_literal(','.join(sources))}}}"
        to = f"{quote_literal(str(path))} (format parquet, compression zstd, kv_metadata {metadata})"
        connection.execute(f"copy changes to {to}")
    return int(rows)


@cache
def _sources_of(path: Path, mtime_ns: int, size: int) -> frozenset[str]:  # noqa: ARG001 - the state is part of the key
    """Return the sources of a file that is as it was written."""
    try:
        if sha256_of_file(path)[:12] != _named(path)[2]:
            raise DamagedError(path, "its content is not what was written", NEXT_STEP)
        metadata = pq.read_metadata(path).metadata or {}
        return frozenset(metadata[SOURCES.encode()].decode().split(","))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise DamagedError(path, f"it cannot be read ({error})", NEXT_STEP) from error


def _named(path: Path) -> tuple[int, str, str]:
    """Return number, release and hash of a file by its name."""
    match = NAME.fullmatch(path.name)
    if match is None:
        raise DamagedError(path, "its name is none of the ledger", NEXT_STEP)
    return int(match[1]), match[2], match[3]
