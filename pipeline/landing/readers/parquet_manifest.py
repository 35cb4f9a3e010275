"""A manifest: a JSON file that lists the Parquet files of an export, such as Redshift's UNLOAD writes.

`{"files": ["part-0.parquet", …]}` or `{"entries": [{"url": "s3://bucket/part-0.parquet"}, …]}`. Files that lie beside
those of the list, such as those of an export that was interrupted, are not read.
"""

import json
from pathlib import Path
from typing import Any

from pipeline.base.errors import UserError
from pipeline.landing.readers.parquet import open_rows

__all__ = ["listed_files", "open_rows"]


def listed_files(manifest: Path) -> list[str]:
    """The Parquet files of a manifest, in its order.

    Raises
    ------
    UserError
        The file is not a manifest, or lists no files.
    """
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        entries = content.get("files") or content.get("entries") or []
        listed = list(dict.fromkeys(map(_name, entries)))
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise UserError(
            f'{manifest} is not a manifest, {{"files": [name, …]}} or {{"entries": [{{"url": name}}, …]}} ({error!r}). '
            "Export it again, or correct `file` and `format`."
        ) from error
    if not listed:
        raise UserError(f"{manifest} lists no files. Export it again.")
    return listed


def _name(entry: Any) -> str:
    name = entry if isinstance(entry, str) else entry.get("url") or entry["path"]
    if not isinstance(name, str) or not name:
        raise ValueError(f"{name!r} is not a file name")
    return name
