"""Which published tables differ, by key."""

from typing import Any

import duckdb

from pipeline.base.catalog import published
from pipeline.base.duck import quote_identifier

# They differ between any two releases, so they do not mean that a row changed.
OF_THE_RELEASE = frozenset({"as_of_date", "run_id", "model_version", "release_id"})


def differs(columns: list[str]) -> str:
    """Return a SQL condition: one of the columns differs between the rows `a` and `b`."""
    names = map(quote_identifier, columns)
    return " or ".join(f"a.{name} is distinct from b.{name}" for name in names) or "false"


def in_both(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Return the columns that both tables have with the same type; another type makes another column."""
    return [name for name, kind in a.items() if b.get(name) == kind]


def changed_tables(
    connection: duckdb.DuckDBPyConnection, tables_a: dict[str, Any], tables_b: dict[str, Any]
) -> list[dict[str, Any]]:
    """Compare the tables of two attached releases, `a` and `b`, whose content hashes differ.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    tables_a, tables_b : dict
        `tables` of their manifests.

    Returns
    -------
    list of dict
        table, rows_a, rows_b (null where the table is not there), rows added, removed and changed by key, and columns
        added and removed (both, where the type is another).
    """
    found = []
    for name in sorted({*tables_a, *tables_b}):
        a, b = tables_a.get(name), tables_b.get(name)
        if a == b:
            continue
        columns_a, columns_b = (side["columns"] if side else {} for side in (a, b))
        common = in_both(columns_a, columns_b)
        added, removed, changed = _row_counts(connection, name, common) if a and b else (None, None, None)
        if list(columns_a.items()) == list(columns_b.items()) and (added, removed, changed) == (0, 0, 0):
            continue  # only what differs between any two releases
        found.append(
            {
                "table": name,
                "rows_a": a["rows"] if a else None,
                "rows_b": b["rows"] if b else None,
                "added": added,
                "removed": removed,
                "changed": changed,
                "columns_added": [column for column in columns_b if column not in common],
                "columns_removed": [column for column in columns_a if column not in common],
            }
        )
    return found


def _row_counts(connection: duckdb.DuckDBPyConnection, name: str, common: list[str]) -> tuple[int, int, int]:
    """Count rows by key; without a key, every row without an equal one on the other side is added or removed."""
    described = published().get(name)
    key = [column for column in (described.grain if described else ()) if column in common] or common
    rest = [column for column in common if column not in key and column not in OF_THE_RELEASE]
    keys = ", ".join(map(quote_identifier, key))
    values = ", ".join([f"list(row({', '.join(map(quote_identifier, rest))}) order by all)" if rest else "null"])
    table = ".".join(map(quote_identifier, name.split(".")))
    sides = (
        f"(select {keys}, count(*) as rows_of_key, {values} as content from {side}.{table} group by all)"
        for side in ("a", "b")
    )
    on = " and ".join(f"a.{column} is not distinct from b.{column}" for column in map(quote_identifier, key))
    counts: tuple[int, int, int] = connection.execute(
        "select cast(coalesce(sum(greatest(coalesce(b.rows_of_key, 0) - coalesce(a.rows_of_key, 0), 0)), 0) as bigint),"
        " cast(coalesce(sum(greatest(coalesce(a.rows_of_key, 0) - coalesce(b.rows_of_key, 0), 0)), 0) as bigint),"
        " count(*) filter (a.rows_of_key = b.rows_of_key and a.content is distinct from b.content)"
        f" from {next(sides)} as a full join {next(sides)} as b on {on}"
    ).fetchall()[0]
    return counts
