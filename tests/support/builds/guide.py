"""What docs/adding_a_source.md and docs/source_reference.md tell the reader, taken from their text."""

import re
from dataclasses import dataclass

from pipeline.base.settings import ROOT

GUIDE = ROOT / "docs" / "adding_a_source.md"
REFERENCE = ROOT / "docs" / "source_reference.md"
_FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUERY = re.compile(r"^```sql\n((?:(?!```).*\n)+)```\n```text\n((?:(?!```).*\n)+)```$", re.MULTILINE)
_CONTRACT = re.compile(r"^### (\w+)\n(.*?)(?=^#)", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^\| (\*{0,2})([a-z_]+)\*{0,2} \| ([a-z]+) \| (required)? ?\|", re.MULTILINE)


@dataclass(frozen=True)
class Walk:
    """The messy file of the guide.

    `files` are the drafted models that are shown; `answers` the lines of the yml that a person writes.
    """

    export: str
    draft: str
    answers: dict[str, str]
    files: dict[str, str]
    command: str
    summary: list[str]
    queries: list[tuple[str, str]]


def read_walk() -> Walk:
    """The commands, the files and the answers of the part about the messy file."""
    text = GUIDE.read_text(encoding="utf-8").split("\n## A messy file")[1].split("\n## A real one")[0]
    first, second = text.split("### 2. Run it")
    summary = _block(second, "text")
    lines = _block(first, "yaml").splitlines()
    return Walk(
        export=_block(text, "csv"),
        draft=_block(first, "sh").strip(),
        answers=dict(line.split(": ", 1) for line in lines),
        files=dict(_FILE.findall(text)),
        command=_block(second, "sh").strip(),
        summary=[line.strip() for line in summary.splitlines()],
        queries=[(query, answer.strip()) for query, answer in _QUERY.findall(text)],
    )


def read_contract() -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """The reference's tables of the input contract: {entity: {column: (type, is required, is part of the key)}}."""
    return {
        entity: {name: (kind, bool(required), bool(bold)) for bold, name, kind, required in _COLUMN.findall(rows)}
        for entity, rows in _CONTRACT.findall(_section("The input contract"))
    }


def _section(heading: str) -> str:
    return REFERENCE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0] + "\n#"


def _block(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{GUIDE} has no block of {language}"
    return found[1]
