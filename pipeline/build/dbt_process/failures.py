"""What dbt says of a build that failed: in its own words, with the line of the staging model to be corrected."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.base import settings as project
from pipeline.base.files import DamagedError, read_json
from pipeline.base.shapes import Shape

SHOWN_FAILURES = 5
SHOWN_LINES = 20
LONGEST = 500
# DuckDB counts the lines of a statement that dbt has put together, so that its number is of no use to the reader.
EXCERPT = re.compile(r"\n\s*\n\s*LINE \d+:\s*(?P<text>[^\n]*)")
IN_MODEL = re.compile(r"(?P<kind>[A-Z]\w+ Error) in model \w+ \((?P<path>models/[^)]+)\)\s*")
RAISED = re.compile(r"^Compilation Error in (?:test|model|seed) \w+ \(\S+\) ")
IN_MACRO = re.compile(r"\n\s+> in macro")
NAMES = re.compile(r"""["']([^"'\s]+)["']|\bname ([\w.]+) does not exist""")
CAST = re.compile(r"(?<!try_)\bcast\s*\(", re.IGNORECASE)
SHORTEST_PREFIX = 8
# What the line begins with that dbt's process ends with, where it has not begun to build.
STOPPED = "Stopped: "


class NodeShape(Shape):
    """The result of a node in `run_results.json`."""

    unique_id: str
    status: str
    message: str | None


class ResultsShape(Shape):
    """dbt's `run_results.json`."""

    results: list[NodeShape]


def read_results(results: Path) -> list[dict[str, Any]]:
    """Return the result of each node; nothing where dbt ended before it wrote them."""
    try:
        return list(read_json(results, "", ResultsShape)["results"])
    except DamagedError:
        return []


def failures(results: Path, log: Path) -> str:
    """Return what failed, in dbt's own words; of a contract (macros/keep_contract.sql) the rules that are broken.

    A failure that a staging model causes begins with the model's file, and its line where that is known.
    """
    failed = [result for result in read_results(results) if result["status"] in ("error", "fail")]
    if not failed:  # dbt stopped before it built anything: show the end of its log
        text = log.read_text(encoding="utf-8")
        if STOPPED in text:
            return f"  {text.rpartition(STOPPED)[2].strip()}"
        said = IN_MODEL.search(text)
        if said and "staging/" in said["path"]:
            return f"  {_failure('', text[said.start() :])}"
        return "\n".join(f"  {line}" for line in text.splitlines()[-SHOWN_LINES:])
    shown = [(result["unique_id"], result["message"] or result["status"]) for result in failed[:SHOWN_FAILURES]]
    lines = [f"  {_failure(node, message)}" for node, message in shown]
    if len(failed) > SHOWN_FAILURES:
        lines.append(f"  … and {len(failed) - SHOWN_FAILURES} more")
    return "\n".join(lines)


def _failure(node: str, message: str) -> str:
    name = node.split(".", 2)[-1]
    said = IN_MODEL.match(message.strip())
    words = _words(message.strip()[said.end() :] if said else message)
    path = project.DBT_PROJECT / said["path"] if said else Path(name)
    if said and "staging/" in said["path"]:
        path = project.STAGING / Path(said["path"]).relative_to("models/staging")
        words = words.removeprefix(f"{path.stem}: ")
    place = place_of(path, message)
    return f"{place}: {words}" if place else f"{name}: {_words(message)}"


def place_of(path: Path, message: str) -> str | None:
    """Return the staging model, and its line where that is known, that is to be corrected; None: it is another model.

    Parameters
    ----------
    path
        The model that failed, which may read the wrong one.
    message
        What DuckDB says.
    """
    line = None
    if path.is_relative_to(project.STAGING):
        line = _line(path, message)
    elif "Conversion Error" in message and (found := _cast(path.stem, message)):
        path, line = found
    else:
        return None
    return f"{project.shown(path)}, line {line}" if line else project.shown(path)


def _words(message: str) -> str:
    """One line, without the place in macros that dbt ends a raised message with, and the part of the statement."""
    text = RAISED.sub("", " ".join(IN_MACRO.split(EXCERPT.split(message)[0])[0].split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _line(path: Path, message: str) -> int | None:
    """The line of a model that has a name of the message, or that begins as the part of the statement in it."""
    lines = _code(path)
    first = EXCERPT.split(message)[0].partition("Candidate")[0]
    names = [name for match in NAMES.finditer(first) for name in match.groups() if name and name != path.stem]
    for name in names:
        for number, line in lines:
            if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line) and re.search(r"\w", name):
                return number
    excerpt = EXCERPT.search(message)
    return _begins_alike(lines, excerpt["text"].strip()) if excerpt and "Parser Error" in message else None


def _begins_alike(lines: Sequence[tuple[int, str]], text: str) -> int | None:
    def shared(line: str) -> int:
        return next((n for n, (a, b) in enumerate(zip(line, text, strict=False)) if a != b), min(len(line), len(text)))

    best = max(((shared(line.strip()), -number) for number, line in lines), default=(0, 0))
    return -best[1] if best[0] >= SHORTEST_PREFIX else None


def _cast(node: str, message: str) -> tuple[Path, int] | None:
    """Where a staging model of the entity casts what could not be converted; a `cast` in it stops the model behind."""
    entity = node.removeprefix("int_").removesuffix("__rows")
    column = re.search(r"source column (\w+)", message)
    models = sorted(project.STAGING.rglob(f"stg_*__{entity}.sql"))
    bases = (path for model in models for path in sorted(model.parent.glob("base_*.sql")))
    found = [(path, line) for path in (*models, *bases) for line in _code(path) if CAST.search(line[1])]
    if column:
        found = [(path, line) for path, line in found if column[1] in line[1]] or found
    places = {path for path, _ in found}
    return (found[0][0], found[0][1][0]) if len(places) == 1 else None


def _code(path: Path) -> list[tuple[int, str]]:
    """The numbered lines of a model that are no comments."""
    lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [(number, line) for number, line in enumerate(lines, 1) if not line.lstrip().startswith("--")]
