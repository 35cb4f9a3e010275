"""The catalog of dbt's site: the types of columns, and how many rows a table has.

dbt itself would open the warehouse for it, which a build may be writing. The site takes both from the published
release. A table that is not in the release has the types of its yml, and no count.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base.duck import quote_identifier
from pipeline.base.files import write_text

# In dbt's page, the places of its two artifacts.
MANIFEST_MARK = '"MANIFEST.JSON INLINE DATA"'
CATALOG_MARK = '"CATALOG.JSON INLINE DATA"'
WITH_TABLES = ("model", "seed")


def write_page(folder: Path, database: Path) -> Path:
    """Write dbt's page with its artifacts in it, as one file.

    Parameters
    ----------
    folder
        What `dbt docs generate` wrote: index.html and manifest.json.
    database
        The published release; a file that is not there is left out.
    """
    manifest = (folder / "manifest.json").read_text(encoding="utf-8")
    catalog = json.dumps(site_catalog(json.loads(manifest), published_tables(database)))
    page = (folder / "index.html").read_text(encoding="utf-8")
    target = folder / "static_index.html"
    write_text(target, page.replace(MANIFEST_MARK, manifest).replace(CATALOG_MARK, catalog))
    return target


def published_tables(database: Path) -> dict[tuple[str, str], tuple[dict[str, str], int]]:
    """Return the tables of a release: by schema and name, the types of their columns and the number of rows."""
    if not database.is_file():
        return {}
    query = """
        select schema_name, table_name, column_name, data_type from duckdb_columns()
        where not internal order by schema_name, table_name, column_index
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        types: dict[tuple[str, str], dict[str, str]] = {}
        for schema, name, column, kind in connection.execute(query).fetchall():
            types.setdefault((schema, name), {})[column] = kind
        return {table: (columns, _rows(connection, *table)) for table, columns in types.items()}


def _rows(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int:
    ((rows,),) = connection.execute(
        f"select count(*) from {quote_identifier(schema)}.{quote_identifier(name)}"
    ).fetchall()
    return int(rows)


def site_catalog(
    manifest: Mapping[str, Any], published: Mapping[tuple[str, str], tuple[dict[str, str], int]]
) -> dict[str, Any]:
    """Return dbt's catalog.json for the models and seeds of a manifest."""
    nodes = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] in WITH_TABLES:
            types, rows = published.get((node["schema"], node["alias"]), (_declared(node), None))
            nodes[unique_id] = {
                "unique_id": unique_id,
                "metadata": {
                    "type": node["config"]["materialized"],
                    "schema": node["schema"],
                    "name": node["alias"],
                    "database": node["database"],
                    "comment": None,
                    "owner": node["config"].get("meta", {}).get("owner"),
                },
                "columns": {
                    name: {"type": kind, "index": index, "name": name, "comment": None}
                    for index, (name, kind) in enumerate(types.items(), start=1)
                },
                "stats": _stats(rows),
            }
    return {"metadata": manifest["metadata"], "nodes": nodes, "sources": {}, "errors": None}


def _declared(node: Mapping[str, Any]) -> dict[str, str]:
    of_seed = node["config"].get("column_types") or {}
    return {name: column["data_type"] or of_seed.get(name, "") for name, column in node["columns"].items()}


def _stats(rows: int | None) -> dict[str, Any]:
    def stat(name: str, label: str, value: Any, text: str, *, is_shown: bool) -> dict[str, Any]:
        return {"id": name, "label": label, "value": value, "description": text, "include": is_shown}

    known = rows is not None
    stats = {"has_stats": stat("has_stats", "Has stats?", known, "Whether the number of rows is known", is_shown=False)}
    if known:
        stats["row_count"] = stat("row_count", "Rows", rows, "Rows in the published release", is_shown=True)
    return stats
