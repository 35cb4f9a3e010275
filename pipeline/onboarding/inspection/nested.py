"""Objects and lists in JSON lines: an order with its lines in it becomes rows and columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.base.duck import quote_identifier, quote_literal

NUMBER = "line_of_row"
HAS_LINE = "has_line"


@dataclass(frozen=True)
class Unfolded:
    """SQL over the landed rows, `{landed}`, with a row for each part; `is_nested`: there are parts."""

    sql: str
    is_nested: bool


def unfold(objects: Sequence[dict[str, Any]]) -> Unfolded | None:
    """Return what gives nested values columns of their own; None where nothing is nested.

    A list of objects gives a row for each of them. Of several lists the longest is taken.
    """
    lists = {name: _parts(objects, name) for name in _names(objects)}
    best = max(lists, key=lambda name: len(lists[name]), default=None)
    best = best if best is not None and lists[best] else None
    inner = [(name, keys) for name in _names(objects) if (keys := _keys([item.get(name) for item in objects]))]
    if best is None and not inner:
        return None
    columns = [_column(f"unfolded.{quote_identifier(name)}", name, key) for name, keys in inner for key in keys]
    if best is None:
        return Unfolded(_select(columns, [name for name, _ in inner], "{landed}"), is_nested=False)
    columns += [_column("unfolded.part.item", best, key) for key in _keys(lists[best])]
    columns += [f"part.number as {NUMBER}", f"part.item is not null as {HAS_LINE}"]
    listed = f"coalesce(nullif(try_cast({quote_identifier(best)} as json[]), []), [cast(null as json)])"
    pair = "lambda item, number: struct_pack(item := item, number := number)"
    numbered = f"list_transform(\n        {listed},\n        {pair}\n    )"
    rows = f"(\n    select *, unnest({numbered}) as part\n    from {{landed}}\n)"
    return Unfolded(_select(columns, [*(name for name, _ in inner), best, "part"], rows), is_nested=True)


def _select(columns: Sequence[str], replaced: Sequence[str], rows: str) -> str:
    listed = "".join(f",\n    {column}" for column in columns)
    left_out = ", ".join(map(quote_identifier, replaced))
    return f"select\n    unfolded.* exclude ({left_out}){listed}\nfrom {rows} as unfolded"


def _column(value: str, name: str, key: str) -> str:
    path = '$."' + key.replace('"', '\\"') + '"'
    return f"json_extract_string({value}, {quote_literal(path)}) as {quote_identifier(f'{name}.{key}')}"


def _names(objects: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for item in objects for name in item))


def _parts(objects: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    lists = [item[name] for item in objects if isinstance(item.get(name), list)]
    return [part for parts in lists for part in parts if isinstance(part, dict)]


def _keys(values: Sequence[Any]) -> list[str]:
    """Keys of objects that have plain values."""
    objects = [value for value in values if isinstance(value, dict)]
    return [key for key in _names(objects) if not any(isinstance(item.get(key), dict | list) for item in objects)]
