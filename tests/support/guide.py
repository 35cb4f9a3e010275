"""What docs/adding_a_source.md tells the reader to write and to ask, taken from the text itself."""

import re
from dataclasses import dataclass

from pipeline.settings import ROOT

GUIDE = ROOT / "docs" / "adding_a_source.md"
_FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUERY = re.compile(r"^```sql\n((?:(?!```).*\n)+)```\n```text\n((?:(?!```).*\n)+)```$", re.MULTILINE)
_CONTRACT = re.compile(r"^#### (\w+)\n(.*?)(?=^#|^Two loads)", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r"^\| (\*{0,2})([a-z_]+)\*{0,2} \| ([a-z]+) \| (required)? ?\|", re.MULTILINE)


@dataclass(frozen=True)
class Walk:
    """The first part of the guide."""

    export: str
    files: dict[str, str]
    command: str
    summary: list[str]
    queries: list[tuple[str, str]]


def read_walk() -> Walk:
    """The files, the command and the answers of the first part."""
    text = GUIDE.read_text(encoding="utf-8").split("\n## A real one")[0]
    summary = _block(text.split("### 3. Run it")[1], "text")
    return Walk(
        export=_block(text, "csv"),
        files=dict(_FILE.findall(text)),
        command=_block(text, "sh").strip(),
        summary=[line.strip() for line in summary.splitlines()],
        queries=[(query, answer.strip()) for query, answer in _QUERY.findall(text)],
    )


def read_contract() -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """The guide's table of the input contract: {entity: {column: (type, is required, is part of the key)}}."""
    return {
        entity: {name: (kind, bool(required), bool(bold)) for bold, name, kind, required in _COLUMN.findall(rows)}
        for entity, rows in _CONTRACT.findall(GUIDE.read_text(encoding="utf-8"))
    }


def _block(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"{GUIDE} has no block of {language}"
    return found[1]
