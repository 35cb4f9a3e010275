"""YAML files: read in one place, so that every error is one sentence with file and line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.base import settings as project
from pipeline.base.errors import UserError

# A definition of a hundred tables has 40 KB. The parser is slow, and every DAG file is parsed again and again.
MOST_BYTES = 250_000
MOST_LEVELS = 20
# With aliases a short text may stand for a long one.
MOST_VALUES = 100_000
MERGE = "tag:yaml.org,2002:merge"
# The library's words, and what they mean.
PLAINER = {
    r"found character '\t'": "a tab stands where blanks should: indent with blanks",
    "but found another document": "a second document begins, and only one is read: remove '---'",
    "could not determine a constructor for the tag": "a tag such as !!python or a lone = is no plain value",
}
# Raised by the library's constructors for a value that is not of its type: 30 February, !!bool maybe.
NOT_OF_ITS_TYPE = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)


@dataclass(frozen=True)
class YamlFile:
    """The mapping in a YAML file, with the line of each value."""

    path: Path
    content: dict[str, Any]
    root: yaml.Node

    def known(self, keys: Sequence[int | str]) -> list[int | str]:
        """Return the part of a path of keys that is in the file."""
        node, found = self.root, []
        for key in keys:
            item = _item(node, key)
            if item is not None:
                node = item[0]
                found.append(key)
        return found

    def line_of(self, keys: Sequence[int | str]) -> int:
        """Return the line of a value, given the keys that lead to it."""
        node, line = self.root, self.root.start_mark.line
        for key in keys:
            item = _item(node, key)
            assert item is not None  # it is one of the known ones
            node, line = item
        return line + 1

    def column_of(self, keys: Sequence[int | str], character: int = 1) -> int | None:
        """Return the column of a character of a value, both from 1; None where it is not in the line of its key."""
        node, line = self.root, -1
        for key in keys:
            item = _item(node, key)
            assert item is not None  # it is one of the known ones
            node, line = item
        start, end = node.start_mark, node.end_mark
        if start.line != line or (character > 1 and end.line != line):
            return None
        return int(start.column) + 1 + _width(str(start.buffer)[start.pointer : end.pointer], character)


class _Loader(yaml.SafeLoader):
    """Plain values only; one that is not of its type is an error with a place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except NOT_OF_ITS_TYPE as error:
            kind = node.tag.rpartition(":")[2]
            what = {"timestamp": "is no date or time of the calendar", "int": "is no number that can be read"}
            problem = f"{_short(node)} {what.get(kind, f'is no {kind}')}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def read_yaml(path: Path) -> YamlFile:
    """Read a YAML file that holds a mapping.

    Raises
    ------
    UserError
        The file cannot be read, or is not a mapping; one sentence that names file and line.
    """
    shown = project.shown(path)
    text = _text(path, shown)
    loader: _Loader | None = None
    root: yaml.Node | None = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            raise UserError(f"{shown} is empty. Begin with a copy of a file that works.")
        _check_nodes(root)
        content = loader.construct_document(root)
    except yaml.YAMLError as error:
        raise UserError(f"{shown}{_said(error, root, text)}. Correct it there.") from error
    except RecursionError as error:
        raise UserError(f"{shown} is nested deeper than {MOST_LEVELS} levels. Correct it there.") from error
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(content, dict):
        raise UserError(f"{shown} is {_kind(content)}, and should be a mapping of keys to values. Correct it there.")
    return YamlFile(path, content, root)


def _text(path: Path, shown: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{shown} cannot be read ({error.strerror}). Put a file there, or remove it.") from error
    if len(content) > MOST_BYTES:
        raise UserError(f"{shown} has more than {MOST_BYTES:,} bytes: it is no such file. Correct it there.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{shown}, line {line}, has bytes that are not UTF-8. Save it as UTF-8.") from error


def _check_nodes(root: yaml.Node) -> None:
    """Check that keys occur once, and that aliases make the file neither larger nor deeper than its limits."""
    values: dict[int, int] = {}
    above: list[yaml.Node] = []

    def count(node: yaml.Node) -> int:
        """Count the values below a node, those of an alias each time that it is used."""
        if id(node) in values:
            return values[id(node)]
        if any(node is each for each in above):
            raise _error("an alias stands for what it is a part of", node)
        if len(above) == MOST_LEVELS:
            raise _error(f"this is nested deeper than {MOST_LEVELS} levels", node)
        above.append(node)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node)
        found = 1 + sum(map(count, _children(node)))
        above.pop()
        if found > MOST_VALUES:
            raise _error(f"its aliases stand for more than {MOST_VALUES:,} values", node)
        values[id(node)] = found
        return found

    count(root)


def _check_keys(node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _error("a key is a list or a mapping, and should be a word", key)
        line = key.start_mark.line + 1
        if key.tag != MERGE and seen.setdefault(key.value, line) != line:
            raise _error(f"'{key.value}' is there twice, first in line {seen[key.value]}", key)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _items(node: yaml.Node) -> Iterator[tuple[str, yaml.Node, int]]:
    """Yield key, value and line of each value of a mapping or list."""
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, value, key.start_mark.line) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(number), each, each.start_mark.line) for number, each in enumerate(node.value))


def _item(node: yaml.Node, key: int | str) -> tuple[yaml.Node, int] | None:
    """Return a value and its line. Merged keys come before those that replace them."""
    found = [(value, line) for name, value, line in _items(node) if name == str(key)]
    return found[-1] if found else None


def _width(written: str, character: int) -> int:
    """Return how many characters of a value, as it is written, come before one of its text."""
    quote = written[:1]
    if quote not in ("'", '"'):
        return character - 1
    width = 1
    for _ in range(character - 1):
        width += 2 if written.startswith("''" if quote == "'" else "\\", width) else 1
    return width


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, node.start_mark)


def _said(error: yaml.YAMLError, root: yaml.Node | None, text: str) -> str:
    """Return line, key and problem, to follow the file's name."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f", line {line}, has a character that no YAML file has (U+{error.character:04X})"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    problem = next((said for words, said in PLAINER.items() if words in problem), problem)
    if mark is None:
        return f" is not valid YAML: {problem}"
    key = _key_at(root, mark.line) if isinstance(error, yaml.constructor.ConstructorError) else ""
    return f", line {mark.line + 1}{key}: {problem}"


def _key_at(node: yaml.Node | None, line: int) -> str:
    """Return the key whose value begins in a line."""
    waiting = [node] if node else []
    while waiting:
        here = waiting.pop()
        for key, value, _ in _items(here):
            if isinstance(value, yaml.ScalarNode) and value.start_mark.line == line:
                return f", '{key}'"
            waiting.append(value)
    return ""


def _short(node: yaml.Node) -> str:
    value = node.value if isinstance(node, yaml.ScalarNode) else "this"
    return f"'{value[:40]}…'" if len(value) > 40 else f"'{value}'"


def _kind(content: object) -> str:
    return "a list" if isinstance(content, list) else "a single value"
