"""What has landed of a table, key by key: its newest rows, what a new snapshot changes, what a scan of keys misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from pipeline.duck import quote_identifier
from pipeline.landing.readers.base import list_of_files
from pipeline.landing.receipts import Receipt
from pipeline.settings import Settings

LINEAGE = ("_position", "_op", "_interval", "_generation")
# Loads in their order, the newest last; an interval is named by start and end.
LOAD_ORDER = "(split_part(_interval, '_', 2), _generation)"


@dataclass(frozen=True)
class Landed:
    """The landed files of a table with a key.

    Attributes
    ----------
    files
        Their main files.
    siblings
        Their files of personal columns, of which some may have been erased.
    personal
        The columns that are only in siblings.
    keys
        Columns of the key; never personal.
    """

    files: Sequence[Path]
    siblings: Sequence[Path]
    personal: Sequence[str]
    keys: Sequence[str]

    @property
    def rows(self) -> str:
        """SQL: all rows, without personal columns."""
        return list_of_files("read_parquet", self.files, "union_by_name = true")

    @property
    def whole_rows(self) -> str:
        """SQL: all rows with their personal columns."""
        if not self.siblings:
            return self.rows
        main = list_of_files("read_parquet", self.files, "union_by_name = true, filename = true")
        siblings = list_of_files("read_parquet", self.siblings, "union_by_name = true, filename = true")
        names = ", ".join(f"siblings.{quote_identifier(name)}" for name in self.personal)
        return (
            f"(select main.* exclude (filename), {names} from {main} as main left join {siblings} as siblings "
            "on main._position = siblings._position "
            "and replace(main.filename, '.parquet', '.personal.parquet') = siblings.filename)"
        )

    @property
    def key_list(self) -> str:
        """SQL: the columns of the key."""
        return ", ".join(quote_identifier(name) for name in self.keys)

    def same_key(self, one: str, other: str) -> str:
        """SQL: whether two relations' rows have the same key. A missing part is equal to a missing part."""
        quoted = (quote_identifier(name) for name in self.keys)
        return " and ".join(f"{one}.{name} is not distinct from {other}.{name}" for name in quoted)

    @property
    def has_key(self) -> str:
        """SQL: whether no part of the key is missing."""
        return " and ".join(f"{quote_identifier(name)} is not null" for name in self.keys)

    def newest(self, columns: Sequence[str]) -> str:
        """SQL: per key, the row that was landed last; `_op` says whether it deleted it."""
        values = ", ".join(
            f"arg_max_null({quote_identifier(name)}, ({LOAD_ORDER}, _position)) as {quote_identifier(name)}"
            for name in [*columns, "_op"]
        )
        return f"(select {self.key_list}, {values} from {self.rows} group by {self.key_list})"


def landed(settings: Settings, receipts: Sequence[Receipt], keys: Sequence[str]) -> Landed | None:
    """Return what has landed of a table; None when that is nothing."""
    files = [settings.home / receipt["file"] for receipt in receipts]
    siblings = [
        path for receipt in receipts if receipt["personal"] and (path := settings.home / receipt["personal"]).is_file()
    ]
    is_personal = {column["name"]: bool(column.get("personal")) for receipt in receipts for column in receipt["schema"]}
    personal = [name for name, only_there in is_personal.items() if only_there]
    return Landed(files, siblings, personal if siblings else [], keys) if files else None


def fingerprint(columns: Sequence[str]) -> str:
    """SQL aggregate: equal for equal sets of rows, in any order. Null and the empty text differ."""
    values = ", ".join(f"coalesce(cast({quote_identifier(name)} as varchar), chr(0))" for name in columns)
    return f"(count(*), sum(hash({values})::hugeint))"


def changes_of_snapshot(state: Landed, snapshot: str, columns: Sequence[str], shared: Sequence[str]) -> tuple[str, str]:
    """SQL of the rows of a snapshot whose keys are new or have changed, and of the rows whose keys are gone.

    Parameters
    ----------
    state
        What has landed before.
    snapshot
        Relation of the whole table as it is now.
    columns
        Its columns, in order.
    shared
        Those that the load before had too: what is compared.

    Returns
    -------
    tuple of str
        Queries with `columns` and `_op`.
    """
    key = state.key_list
    now = f"(select {key}, {fingerprint(shared)} as content from {snapshot} group by {key})"
    loads = (
        f"(select {key}, {LOAD_ORDER} as load, max(_op) filter (_op = 'delete') as deletion, "
        f"{fingerprint(shared)} as content from {state.whole_rows} group by all)"
    )
    before = (
        f"(select {key}, arg_max_null(deletion, load) as deletion, arg_max_null(content, load) as content "
        f"from {loads} group by {key})"
    )
    names = ", ".join(f"snapshot.{quote_identifier(name)}" for name in columns)
    same = f"{state.same_key('before', 'now')} and before.content = now.content and before.deletion is null"
    changed = (
        f"select {names}, 'upsert' as _op from (select *, row_number() over () as _row from {snapshot}) as snapshot "
        f"anti join (select now.* from {now} as now inner join {before} as before on {same}) as unchanged "
        f"on {state.same_key('snapshot', 'unchanged')} order by snapshot._row"
    )
    return changed, gone_from(state, snapshot, columns, [name for name in shared if name not in state.personal])


def gone_from(state: Landed, present: str, columns: Sequence[str], landed_columns: Sequence[str]) -> str:
    """SQL of a deletion for each key that had landed and is not in `present`: with the values of its last row.

    A staging model that looks at other columns than the key then treats the deletion as it treated the row.
    """
    values = ", ".join(
        f"newest.{quote_identifier(name)}" if name in landed_columns else f"null as {quote_identifier(name)}"
        for name in columns
    )
    kept = [name for name in landed_columns if name not in state.keys]
    return (
        f"select {values}, 'delete' as _op from {state.newest(kept)} as newest "
        f"anti join {present} as present on {state.same_key('newest', 'present')} "
        f"where newest._op <> 'delete' and {state.has_key} order by {state.key_list}"
    )


def earliest_missed(
    connection: duckdb.DuckDBPyConnection, state: Landed, scan: str, cursor: str, before: str
) -> datetime | None:
    """Cursor of the earliest row that a scan has and no load had brought, of those before a moment (SQL); or None."""
    quoted = quote_identifier(cursor)
    query = (
        f"select min(scan.{quoted}) from {scan} as scan anti join {state.rows} as landed "
        f"on {state.same_key('scan', 'landed')} and landed.{quoted} >= scan.{quoted} "
        f"where scan.{quoted} < {before}"
    )
    ((found,),) = connection.execute(query).fetchall()
    return found
