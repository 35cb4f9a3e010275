"""JSON lines: one object a line, every value as text, a broken line set aside with its number."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.landing.readers.base import (
    Request,
    Rows,
    Session,
    check_columns,
    have_long_rows,
    list_of_files,
    read_parts,
    write_batches,
)
from pipeline.landing.readers.rejects import Rejects
from pipeline.landing.readers.texts.text import line_blocks, set_aside, utf8_file

LINES = pa.schema([("number", pa.int64()), ("line", pa.string())])
# JSON's own white space. A line of nothing else is skipped.
BLANK = " \t\r\n"
# DuckDB takes a number apart and writes it again: 1.50 becomes 1.5, and a long one loses digits. These would change.
REWRITTEN = r"[:\[,][ \t]*-?[0-9.]*([.][0-9]*0|[0-9.]{17}|[eE]|-0)[0-9.eE+-]*[ \t\r]*[,}\]]"
# What stands before the next number outside of a string, and that number.
NUMBER = r'((?:"(?:[^"\\]|\\.)*"|[^"0-9-])*)(-?[0-9][0-9.eE+-]*)'


def open_rows(session: Session, request: Request) -> Rows:
    """Open files of JSON lines; a key may be absent in some of them.

    An absent key and null are null; an object or array is its JSON text; true, false and numbers are as written. The
    columns are the declared ones, then the other keys of all lines by name. A line that is not an object, or has a key
    twice, is unreadable.
    """
    rejects = session.new_rejects()
    texts = {path: utf8_file(path, session, request, rejects, newline="\n") for path in request.files}
    if len(request.only) == 1 and (rows := _one_column(session, request.only[0], list(texts.values()))):
        return rows
    keys, broken = _scan(session, request, list(texts.values()))
    lines = {path: write_batches(session, LINES, _lines(text)) for path, text in texts.items() if text in broken}
    for path, written in lines.items():
        _set_aside(session, path, written, rejects)
    columns = _columns(request, keys, rejects)
    parts: list[Path] = []
    for is_broken, group in groupby(request.files, key=lambda path: path in lines):
        files = list(group)
        if not is_broken:
            parts.append(_write(session, _objects([texts[path] for path in files]), columns))
            continue
        read = list_of_files("read_parquet", [lines[path] for path in files])
        parts.append(_write(session, f"(select line as json from {read} where {_is_sound('line')})", columns))
    return Rows(columns, read_parts(parts, columns), rejects, may_be_long=have_long_rows(parts))


def _objects(texts: Sequence[Path], options: str = "") -> str:
    return list_of_files("read_ndjson_objects", texts, options)


def _scan(session: Session, request: Request, texts: Sequence[Path]) -> tuple[set[str], set[Path]]:
    """Keys of all sound lines, and the files with a line that is not sound."""
    objects = _objects(texts, "ignore_errors = true, filename = true")
    query = f"select filename, json_type(json), json_keys(json) from {objects} group by all"
    try:
        found = session.connection.execute(query).fetchall()
    except duckdb.Error as error:
        raise UserError(
            f"{request.label}: a file cannot be read as JSON lines ({str(error).splitlines()[0]}). Each line must be "
            f"one object, shorter than 16 MB. Ask for the file in this form, or correct `format` of "
            f"{request.definition}."
        ) from error
    sound = [names for _, kind, names in found if kind == "OBJECT" and _are_good(names)]
    broken = {Path(file) for file, kind, names in found if kind != "OBJECT" or not _are_good(names)}
    return {key for names in sound for key in names}, broken


def _are_good(names: Sequence[str]) -> bool:
    return "" not in names and len(set(names)) == len(names)


def _one_column(session: Session, column: str, texts: Sequence[Path]) -> Rows | None:
    """Rows with one column of all lines that can be read; None when no line has it."""
    objects = _objects(texts, "ignore_errors = true")
    structure = quote_literal(json.dumps({column: "VARCHAR"}, ensure_ascii=False))
    name = quote_identifier(column)
    relation = f"(select from_json(json, {structure}).{name} as {name} from {objects} where json_type(json) = 'OBJECT')"
    try:
        seen = session.connection.execute(f"select 1 from {relation} where {name} is not null limit 1").fetchall()
    except duckdb.Error:  # read in full it is named
        return None
    return Rows([column], relation) if seen else None


def _is_sound(json_text: str) -> str:
    """SQL: whether a line is an object whose keys have names of their own."""
    keys = f"json_keys({json_text})"
    return (
        f"case when json_valid({json_text}) then json_type({json_text}) = 'OBJECT' "
        f"and len({keys}) = len(list_distinct({keys})) and not list_contains({keys}, '') else false end"
    )


def _columns(request: Request, keys: set[str], rejects: Rejects) -> list[str]:
    table = request.table
    needed = [*table.columns, *table.named_columns]
    if keys:
        columns = [*table.columns, *sorted(keys.difference(table.columns))]
        files = request.files[0].name if len(request.files) == 1 else f"the union of {len(request.files)} files"
        check_columns(request, [name for name in columns if name in keys], f"{request.label}: {files}")
        return columns
    if not needed:
        what = "there are no lines"
        if first := rejects.first:
            what = f"no line can be read (the first, {first['file']}, line {first['line']}: {first['error']})"
        raise UserError(
            f"{request.label}: {what}, so nothing says which columns there are. "
            f"Name them under `columns` of {request.definition}."
        )
    return list(dict.fromkeys(needed))


def _write(session: Session, objects: str, columns: Sequence[str]) -> Path:
    """Write the values of JSON objects as text, one column for each key.

    Lines with a number that would be rewritten are read a second time with their numbers in quotes: for the values
    that are not an object or array.
    """
    structure = quote_literal(json.dumps(dict.fromkeys(columns, "VARCHAR"), ensure_ascii=False))
    # The digit at the end is a number behind the last string: without it the search would go on inside strings.
    quoted = f"left(regexp_replace(json || '0', {quote_literal(NUMBER)}, '\\1\"\\2\"', 'g'), -3)"
    values = ", ".join(
        f"if(left(plain.{name}, 1) not in ('{{', '['), coalesce(exact.{name}, plain.{name}), plain.{name}) as {name}"
        for name in map(quote_identifier, columns)
    )
    target = session.new_file(".parquet")
    session.connection.execute(
        f"""
        copy (
            select {values}
            from (
                select
                    from_json(json, {structure}) as plain,
                    from_json(
                        case when regexp_matches(json, {quote_literal(REWRITTEN)}) then {quoted} end, {structure}
                    ) as exact
                from {objects}
            )
        ) to {quote_literal(str(target))} (format parquet)
        """
    )
    return target


def _lines(text: Path) -> Iterator[pa.RecordBatch]:
    for block in line_blocks(text, newline="\n"):
        numbers, lines = [], []
        for number, line in block:
            if line.strip(BLANK):
                numbers.append(number)
                lines.append(line)
        yield pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), pa.array(lines, pa.string())], schema=LINES)


def _set_aside(session: Session, path: Path, lines: Path, rejects: Rejects) -> None:
    found = session.connection.execute(
        f"select number, line from {list_of_files('read_parquet', [lines])} "
        f"where not {_is_sound('line')} order by number"
    )
    while some := found.fetchmany(1000):
        for number, line in some:
            set_aside(rejects, path, number, _reason(line), line)


def _reason(line: str) -> str:
    """Say what is wrong with a line that is not sound."""
    try:
        pairs = json.loads(line.strip(BLANK), object_pairs_hook=list)
    except json.JSONDecodeError as error:
        return f"not valid JSON: {error.msg} (character {error.pos + 1})"
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        return "not valid JSON"
    if not line.lstrip(BLANK).startswith("{"):
        return "a line must be one object, {…}"
    names = [name for name, _ in pairs]
    if "" in names:
        return "a key has no name"
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    return "not valid JSON" if twice is None else f"the key '{twice}' is there twice"
