"""Links of the Markdown pages lead to files and headings that exist, and no blank line breaks a table."""

import re
from functools import cache
from pathlib import Path

import pytest

from pipeline.base.settings import ROOT

FOLDERS = ("docs", "campaigns", "pipeline", "demo", "mining", "cli", "dbt_project", "expectations")
PAGES = sorted({*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))})
DEMO = ROOT / "demo"  # may be deleted
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
RULE = re.compile(r"\|(?: *:?-+:? *\|)+ *")


@cache
def prose(path: Path) -> str:
    return FENCED.sub("", path.read_text(encoding="utf-8"))


@cache
def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in LINK.findall(prose(page)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if "://" in link or (target.is_relative_to(DEMO) and not DEMO.is_dir()):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_table_begins_with_its_header(page: Path) -> None:
    lines = ["", *prose(page).splitlines(), ""]
    first = [
        number for number, line in enumerate(lines) if line.startswith("|") and not lines[number - 1].startswith("|")
    ]
    assert [lines[number] for number in first if not RULE.fullmatch(lines[number + 1])] == []
