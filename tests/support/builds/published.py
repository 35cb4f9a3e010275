"""What a home has published, as text that another home's can be compared with: figures, reports, lists."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.base.files import sha256_of_file

# Of a release.json and of a list's manifest: what hashes the engine or a file's bytes, and the clock.
OWN = ("input_hash", "checksum", "files", "content_hash", "exported_at", "expires_at")


def published(home: Path, printed: str) -> dict[str, str]:
    """Return what a release says and lists, by file, with a word for its id and for the home.

    Parameters
    ----------
    home
        CRM_HOME, with a release and its lists.
    printed
        What the run has printed; its summary counts.
    """
    release = home / "serving" / "current"
    manifest = json.loads((release / "release.json").read_text(encoding="utf-8"))
    lists = home / "lists" / manifest["release_id"]
    told = {
        "summary": _summary(printed),
        "release.json": _without_own(manifest),
        "checks.json": _without_own(json.loads((release / "checks.json").read_text(encoding="utf-8"))),
        "report.md": (release / "report.md").read_text(encoding="utf-8"),
        **{path.name: path.read_text(encoding="utf-8") for path in (release / "models").glob("*.md")},
        **{path.name: _without_own(json.loads(path.read_text(encoding="utf-8"))) for path in lists.glob("*.json")},
    }
    words = {manifest["release_id"]: "RELEASE", str(home): "HOME"}
    for one, other in words.items():
        told = {name: text.replace(one, other) for name, text in told.items()}
    files = {path.name: sha256_of_file(path) for kind in ("csv", "xlsx") for path in lists.glob(f"*.{kind}")}
    return told | files


def apart(one: dict[str, str], other: dict[str, str]) -> Iterator[str]:
    """Say for each file that is not the same in both which lines differ."""
    for name in sorted(one.keys() | other.keys()):
        here, there = (each.get(name, "").splitlines() for each in (one, other))
        if here != there:
            yield f"{name}: {sorted(set(here) - set(there))} against {sorted(set(there) - set(here))}"


def _summary(printed: str) -> str:
    """Return the words below the rule, a line each.

    Above it are the tasks, with their seconds. Where a line is broken depends on how long the home's path is.
    """
    lines = printed.splitlines()
    rule = next(number for number, line in enumerate(lines) if line.startswith("─"))
    return "\n".join(" ".join(lines[rule:]).split())


def _without_own(value: Any) -> str:
    return json.dumps(_kept(value), indent=1, sort_keys=True)


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _kept(each) for name, each in value.items() if name not in OWN}
    return [_kept(each) for each in value] if isinstance(value, list) else value
