"""Inspects files: what they are by their content, and which of them are one table."""

import csv
import gzip
import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.base.duck import connect, quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.base.settings import ROOT
from pipeline.landing.readers.workbooks.excel import column_names
from pipeline.landing.readers.workbooks.workbook import OLE, Row, open_workbook
from pipeline.onboarding.draft.words import snake
from pipeline.onboarding.inspection.encoding import encoding_by_words
from pipeline.onboarding.inspection.found import Found, Place
from pipeline.onboarding.inspection.inspect_database import inspect_sqlite
from pipeline.onboarding.inspection.layout import heading, layout_of
from pipeline.onboarding.inspection.nested import Unfolded, unfold
from pipeline.onboarding.inspection.no_table import (
    Numbered,
    check_kind,
    check_no_pivot,
    check_one_table,
    check_text,
    check_width,
    is_pivot,
)

BYTES_LOOKED_AT = 200 << 20
ROWS_LOOKED_AT = 200_000  # of a sheet
ROWS_OF_LAYOUT = 4000
MAGIC = {b"PAR1": "parquet", b"PK\x03\x04": "excel", OLE: "excel", b"SQLite format 3\0": "sqlite", b"\x1f\x8b": "gzip"}
PATTERN = re.compile(r"[*?[]")


@dataclass(frozen=True)
class _File:
    """A file, the columns it has, the keys of the yml that describe it, and its rows as a DuckDB relation.

    With `unfolded`, columns and rows have what was nested in the file's own.
    """

    path: Path
    columns: list[str]
    options: dict[str, Any]
    rows: str
    is_whole: bool = True
    unfolded: Unfolded | None = None


def inspect_files(place: str, scratch: Path, data: Path) -> Place:
    """Inspect a file, a folder, or the files that match a pattern.

    Raises
    ------
    UserError
        There is no file, or one is of a kind that cannot be read.
    """
    folder, paths = _paths(place)
    if len(paths) == 1 and _magic(paths[0]) == "sqlite":
        return inspect_sqlite(paths[0], _location(paths[0], data))
    connection = connect()
    files = [file for number, path in enumerate(paths) for file in _look(path, connection, scratch, number)]
    for file in files:
        check_width(file.path, file.columns)
    is_one_file = Path(place).is_file()
    tables = _tables(connection, files, None if is_one_file else folder)
    location = paths[0] if is_one_file else folder
    return Place("files", connection, tables, _location(location, data), folder)


def _paths(place: str) -> tuple[Path, list[Path]]:
    """The folder, and the files in it."""
    given = Path(place).absolute()
    if given.is_file():
        return given.parent, [given]
    if given.is_dir():
        folder, found = given, list(given.rglob("*"))
    else:
        parts = given.parts
        fixed = next((number for number, part in enumerate(parts) if PATTERN.search(part)), None)
        if fixed is None:
            raise UserError(f"FILE: there is no file or folder {given}. Correct the path.")
        folder = Path(*parts[:fixed])
        found = list(folder.glob(str(Path(*parts[fixed:]))))
    inside = [path for path in found if path.is_file() and not _is_hidden(path, folder) and path.stat().st_size]
    if not inside:
        raise UserError(
            f"FILE: {given} has no files with content. Name a file, a folder or a pattern such as 'x/*.csv'."
        )
    return folder, sorted(inside)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _location(path: Path, data: Path) -> str:
    if "${" in str(path):
        raise UserError(
            f"FILE: {path} has '${{' in its name, which dags/sources/*.yml takes for a variable. Rename it."
        )
    for folder, name in ((data, "${CRM_DATA}"), (ROOT, "")):
        if path.is_relative_to(folder):
            return f"{name}{'/' if name else ''}{path.relative_to(folder).as_posix()}"
    return str(path)


def _magic(path: Path) -> str | None:
    with path.open("rb") as handle:
        beginning = handle.read(16)
    return next((kind for magic, kind in MAGIC.items() if beginning.startswith(magic)), None)


def _look(path: Path, connection: duckdb.DuckDBPyConnection, scratch: Path, number: int) -> list[_File]:
    """The tables of a file: one, or one for each sheet."""
    kind = _magic(path)
    if kind == "sqlite":
        raise UserError(f"FILE: {path} is a SQLite database among other files. Make a source of its own of it.")
    if kind == "parquet":
        names = pq.ParquetFile(path).schema_arrow.names
        return [_File(path, names, {"format": "parquet"}, f"read_parquet({quote_literal(str(path))})")]
    if kind == "excel":
        return _sheets(path, connection, number)
    check_kind(path)
    text, encoding, is_whole = _as_utf8(path, scratch / f"{number}.txt", kind == "gzip")
    file = _text_table(path, text, connection, number, is_whole)
    if encoding != "utf-8":
        file.options["encoding"] = encoding
    return [file]


def _as_utf8(path: Path, target: Path, is_packed: bool) -> tuple[Path, str, bool]:
    """Write the file's text as UTF-8; return where, the encoding that it has, and whether that is all of it."""
    with _open(path, is_packed) as handle:
        content = handle.read(BYTES_LOOKED_AT)
        is_whole = not handle.read(1)
    if not is_whole:
        content = content[: content.rfind(b"\n") + 1]
    encoding = encoding_by_words(content)
    text = content.decode(encoding)
    if "\0" in text:
        raise UserError(f"FILE: {path} is not a Parquet, Excel, SQLite or text file that can be read. Save it as CSV.")
    target.write_text(text, encoding="utf-8", newline="")
    return target, encoding.removesuffix("-sig"), is_whole


def _open(path: Path, is_packed: bool) -> IO[bytes]:
    return io.BufferedReader(gzip.open(path)) if is_packed else path.open("rb")


def _text_table(path: Path, text: Path, connection: duckdb.DuckDBPyConnection, number: int, is_whole: bool) -> _File:
    with text.open(encoding="utf-8", newline=None) as handle:
        lines = [line.rstrip("\n") for _, line in zip(range(ROWS_OF_LAYOUT), handle, strict=False)]
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("{"):
        return _json_lines(path, text, connection, number, is_whole)
    check_text(path, first)
    layout = layout_of(lines, str(path))
    if layout is None:
        raise UserError(
            f"FILE: {path} has no columns that can be told apart; its first line is {first[:60]!r}. "
            "Save it as CSV, or write the yml by hand (docs/adding_a_source.md)."
        )
    columns = list(layout["columns"])
    if layout["format"] == "csv":
        records = _numbered(lines, layout["delimiter"])
        check_no_pivot(path, records)
        names = [[(cell or "").strip() for cell in record] for _, record in records]
        check_one_table(str(path), records, names.index(columns) if columns in names else 0)
        rows = _csv_relation(text, layout)
    else:
        rows = f"looked_{number}"
        connection.register(rows, _split(text, layout))
    return _File(path, columns, layout, rows, is_whole)


def _numbered(lines: Sequence[str], delimiter: str) -> Numbered:
    """The first records with a value, each with the line that it begins in."""
    reader = csv.reader(lines, delimiter=delimiter)
    records: list[tuple[int, list[str]]] = []
    begins = 1
    for record in reader:
        if any(cell.strip() for cell in record):
            records.append((begins, record))
        begins = reader.line_num + 1
    return records


def _csv_relation(text: Path, layout: dict[str, Any]) -> str:
    names = ", ".join(f"{quote_literal(name)}: 'VARCHAR'" for name in layout["columns"])
    skip = layout["skip_rows"] + layout["header"]
    return (
        f"read_csv({quote_literal(str(text))}, auto_detect = false, delim = {quote_literal(layout['delimiter'])}, "
        f"quote = '\"', escape = '\"', header = false, skip = {skip}, columns = {{{names}}}, ignore_errors = true, "
        "strict_mode = false)"
    )


def _split(text: Path, layout: dict[str, Any]) -> pa.Table:
    """Rows of a fixed-width or whitespace file."""
    places = layout["columns"] if layout["format"] == "fixed_width" else None
    skipped = layout["skip_rows"] + bool(layout.get("header"))
    lines = [line for line in text.read_text(encoding="utf-8").splitlines()[skipped:] if line.strip()]
    if places:
        parts: list[list[str | None]] = [
            [line[start:end].strip() or None for start, end in places.values()] for line in lines
        ]
    else:
        parts = [[*words] for words in map(str.split, lines) if len(words) == len(layout["columns"])]
    return _texts(list(layout["columns"]), parts)


def _texts(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    values = zip(*rows, strict=True) if rows else [() for _ in names]
    return pa.table([pa.array(column, pa.string()) for column in values], names=list(names))


def _json_lines(path: Path, text: Path, connection: duckdb.DuckDBPyConnection, number: int, is_whole: bool) -> _File:
    objects = list(_objects(text))
    names = list(dict.fromkeys(name for item in objects for name in item))
    rows = [[_json_text(item.get(name)) for name in names] for item in objects]
    connection.register(f"looked_{number}", _texts(names, rows))
    options = {"format": "jsonl", "columns": names}
    unfolded = unfold(objects)
    if unfolded is None:
        return _File(path, names, options, f"looked_{number}", is_whole)
    relation = f"unfolded_{number}"
    connection.execute(f"create table {relation} as {unfolded.sql.replace('{landed}', f'looked_{number}')}")
    kinds = connection.execute(f"describe {relation}").fetchall()
    columns = [name for name, kind, *_ in kinds if not kind.startswith("STRUCT")]
    return _File(path, columns, options, relation, is_whole, unfolded)


def _objects(text: Path) -> Iterator[dict[str, Any]]:
    with text.open(encoding="utf-8") as handle:
        for line in handle:
            try:
                item = json.loads(line)
            except ValueError:
                continue  # landing sets such a line aside, and says so
            if isinstance(item, dict):
                yield item


def _json_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sheets(path: Path, connection: duckdb.DuckDBPyConnection, number: int) -> list[_File]:
    files: list[_File] = []
    pivots: Numbered = []
    for sheet, rows in _sheet_rows(path):
        cells = [(line, values) for line, values, _ in rows]
        if is_pivot(cells):
            pivots = cells
            continue
        title = next((at for at, (_, values) in enumerate(cells) if len(values) - values.count(None) > 1), 0)
        label = f"sheet '{sheet}' of {path}"
        title = heading(label, [values for _, values in cells], title) if cells else 0
        below = rows[title + 1 :]
        if not below:
            continue
        check_one_table(label, cells[:ROWS_OF_LAYOUT], title)
        line, header, _ = rows[title]
        names = column_names(header)
        texts = [values + [None] * (len(names) - len(values)) for _, values, fault in below if not fault]
        relation = f"looked_{number}_{len(files)}"
        connection.register(relation, _texts(names, [values for values in texts if len(values) == len(names)]))
        options: dict[str, Any] = {"format": "excel", "sheet": sheet, "skip_rows": line - 1, "columns": names}
        files.append(_File(path, names, options, relation, len(rows) <= ROWS_LOOKED_AT))
    if not files:
        check_no_pivot(path, pivots)
    return files


def _sheet_rows(path: Path) -> Iterator[tuple[str, list[Row]]]:
    with open_workbook(path) as workbook:
        for sheet in workbook.sheets:
            yield sheet, list(itertools.islice(workbook.rows(sheet), ROWS_LOOKED_AT + 1))


def _tables(connection: duckdb.DuckDBPyConnection, files: Sequence[_File], folder: Path | None) -> list[Found]:
    """Files with the same columns are one table, if one pattern names them and no others."""
    groups: dict[str, list[_File]] = {}
    for file in files:
        groups.setdefault(json.dumps([sorted(file.columns), _without_columns(file)], sort_keys=True), []).append(file)
    tables: list[Found] = []
    for group in groups.values():
        pattern = _pattern(group, folder) if len(group) > 1 and folder else None
        for part in [group] if pattern else [[file] for file in group]:
            tables.append(_found(connection, part, folder, pattern, [table.name for table in tables]))
    return tables


def _without_columns(file: _File) -> dict[str, Any]:
    return {name: value for name, value in file.options.items() if name != "columns"}


def _found(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[_File],
    folder: Path | None,
    pattern: str | None,
    taken: Sequence[str],
) -> Found:
    first = files[0]
    name = _unused(
        snake(_stem(pattern) if pattern else str(first.options.get("sheet") or _stem(first.path.name))), taken
    )
    names = ", ".join(quote_identifier(column) for column in first.columns)
    union = " union all ".join(f"select {names} from {file.rows}" for file in files)
    connection.execute(f"create table {quote_identifier(f'found_{name}')} as {union}")
    options = dict(first.options)
    if folder:
        options = {"file": pattern or first.path.relative_to(folder).as_posix(), **options}
    if options["format"] == "parquet":
        options["columns"] = first.columns
    is_whole = all(file.is_whole for file in files)
    return Found(
        name,
        quote_identifier(f"found_{name}"),
        options,
        is_whole=is_whole,
        is_series=pattern is not None,
        unfolded=first.unfolded.sql if first.unfolded else None,
        is_nested=bool(first.unfolded and first.unfolded.is_nested),
    )


def _stem(name: str) -> str:
    """The name of a file, or of its folder, without what changes from file to file: sales of 'sales_*.csv'."""
    parts = [part.split(".")[0].replace("*", "").strip("_- ") for part in name.split("/")]
    return next((part for part in reversed(parts) if part), "rows")


def _unused(name: str, taken: Sequence[str]) -> str:
    numbered = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 3))]
    return next(candidate for candidate in numbered if candidate not in taken)


def _pattern(files: Sequence[_File], folder: Path) -> str | None:
    """A pattern that matches these files and no others in the folder."""
    names = [file.path.relative_to(folder).as_posix() for file in files]
    common = _common_beginning(names)
    beginning = re.sub(r"[0-9_.-]*[0-9]+$", lambda match: match[0][:1] if match[0][0] in "_-." else "", common)
    ending = _common_beginning([name[::-1] for name in names])[::-1]
    ending = ending[ending.index(".") :] if "." in ending else ""
    pattern = f"{beginning}*{ending}"
    if PATTERN.search(common) or "/" in "".join(name[len(beginning) :] for name in names):
        return None
    return pattern if {path for path in folder.glob(pattern) if path.is_file()} == {f.path for f in files} else None


def _common_beginning(names: Sequence[str]) -> str:
    pairs = itertools.takewhile(lambda characters: len(set(characters)) == 1, zip(*names, strict=False))
    return "".join(characters[0] for characters in pairs)
