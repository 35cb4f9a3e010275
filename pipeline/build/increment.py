"""Decide what a build must recompute: only what changed since the last build, or everything.

`$CRM_HOME/build/built.json` says what the warehouse was built from. A build is incremental when only files have been
added since: code, settings, definitions of sources and the files read before are the same. The file is written before
the first model and after the last one, so that an unfinished build is recognised.
"""

import re
from collections.abc import Sequence
from typing import Any

from pipeline.base.files import DamagedError, read_sealed, sha256_of, write_sealed
from pipeline.base.settings import DBT_PROJECT, Settings
from pipeline.base.shapes import Day, Shape, Text
from pipeline.build.plan import Plan
from pipeline.build.staging import model_text

STATE = "built.json"
# Their names are in dbt's environment and in the SQL of its models, and no day loads more.
MOST_NEW_FILES = 1000
# The layers that have incremental models.
LAYERS = ("intermediate", "core")
# Variables of a single build. Its core does not depend on them, or `_basis` has what matters of them.
OF_ONE_BUILD = {
    *("as_of_date", "feature_dates", "score_files", "history_files", "release", "releases"),
    *("plan", "receipts", "new_files", "resumed", "earlier_as_of_date", "released_records", "released_contacts"),
    "exported_arms",
    *("campaigns", "universal_control"),  # marts alone choose by them, and those are built whole each time
    # Pairs are judged in each build, and customers whose records have moved are built again.
    *("seen_before", "identity_decisions", "identity_ledger", "identity_model"),
    *("agent_figures", "smallest_group"),  # marts, too
    "rules",  # they check tables, and make none
    "crm_home",  # a path may hold what dbt takes for Jinja in its own variables
}
# In a staging model, these may make a row from several landed rows.
OF_SEVERAL_ROWS = re.compile(
    r"\bref\s*\(|\b(join|group|distinct|over|qualify|union|except|intersect|unnest|lateral|limit)\b", re.IGNORECASE
)
# Macros of the project that read a single row. Any other macro in a staging model may read several.
OF_ONE_ROW = {
    "landed",
    "stage",
    "decimal_comma",
    "quoted",
    "text_list",
    "content_hash",
    "goods_line_types",
    "true_words",
}
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)


class BasisShape(Shape):
    """What a core is built from."""

    rest: Text
    as_of_date: Day
    files: dict[str, list[Any]]


class StateShape(Shape):
    """`built.json`."""

    built: BasisShape | None
    begun: BasisShape | None
    layers: list[str]


def row_by_row(providers: dict[str, list[str]]) -> list[str]:
    """Return the staging models that make each row from one landed row: their new rows are in new files."""
    names = [(source, f"stg_{source}__{entity}") for entity, sources in providers.items() for source in sources]
    return sorted(name for source, name in names if _is_row_by_row(source, name))


def _is_row_by_row(source: str, name: str) -> bool:
    path = DBT_PROJECT / "models" / "staging" / source / f"{name}.sql"
    if not path.is_file():
        return False
    text = COMMENT.sub("", model_text(path))
    selects, tables = (len(re.findall(word, text, re.IGNORECASE)) for word in (r"\bselect\b", r"\blanded\s*\("))
    others = (_macros() - OF_ONE_ROW) & set(re.findall(r"\b(\w+)\s*\(", text))
    return selects <= 1 and tables == 1 and not others and not OF_SEVERAL_ROWS.search(text)


def _macros() -> set[str]:
    files = (DBT_PROJECT / "macros").glob("*.sql")
    return {name for path in files for name in re.findall(r"{%-?\s*macro\s+(\w+)", path.read_text(encoding="utf-8"))}


def begin(settings: Settings, plan: Plan, variables: dict[str, Any], layers: Sequence[str] = LAYERS) -> dict[str, Any]:
    """Record that layers are being built; return the variables, with those of an incremental build.

    Returns
    -------
    dict
        `new_files`: the landed files that are not yet in the warehouse, relative to CRM_HOME; None: everything is
        built. `resumed`: those of `layers` that an unfinished build has begun. `earlier_as_of_date`: the earliest
        as-of date of this build, of the warehouse, and of an unfinished build.
    """
    path = settings.build / STATE
    state = _read_state(settings)
    now = _basis(plan, variables)
    built, begun, tried = state.get("built"), state.get("begun"), state.get("layers", [])
    before = [basis for basis in (built, begun) if basis]
    new_files = sorted(set(now["files"]) - set(built["files"])) if built else []
    if not built or not all(_is_part(basis, now) for basis in before) or len(new_files) > MOST_NEW_FILES:
        write_sealed(path, {"built": None, "begun": now, "layers": []})
        return {**variables, "new_files": None}
    now["as_of_date"] = min(basis["as_of_date"] for basis in [*before, now])
    write_sealed(path, {"built": built, "begun": now, "layers": sorted({*tried, *layers})})
    return {
        **variables,
        "new_files": new_files,
        "resumed": [layer for layer in layers if layer in tried],
        "earlier_as_of_date": now["as_of_date"],
    }


def _read_state(settings: Settings) -> dict[str, Any]:
    """Return what the warehouse was built from; nothing where that cannot be read, so that everything is built."""
    if not settings.warehouse.is_file():
        return {}
    try:
        return read_sealed(settings.build / STATE, "", StateShape, is_checksum_needed=True)
    except DamagedError:
        return {}


def built_as_of(settings: Settings) -> str | None:
    """Return the as-of date of the core of the warehouse; None where its build is not finished."""
    state = _read_state(settings)
    built, begun = state.get("built"), state.get("begun")
    return str(built["as_of_date"]) if built and not begun else None


def complete(settings: Settings, plan: Plan, variables: dict[str, Any]) -> None:
    """Record that the core of the warehouse is built."""
    write_sealed(settings.build / STATE, {"built": _basis(plan, variables), "begun": None, "layers": []})


def _basis(plan: Plan, variables: dict[str, Any]) -> dict[str, Any]:
    """Return what a core is built from: a hash of everything but the files, and what matters of each file."""
    rest = {name: value for name, value in variables.items() if name not in OF_ONE_BUILD}
    keys = ("content_hash", "interval", "generation", "reading", "known_end", "is_first_reading", "has_history")
    return {
        "rest": sha256_of([rest, plan.code_version, plan.erased]),
        "as_of_date": str(variables["as_of_date"]),
        "files": {receipt["file"]: [receipt[key] for key in keys] for receipt in plan.receipts},
    }


def _is_part(earlier: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether files were added and nothing else differs."""
    return bool(earlier["rest"] == now["rest"] and earlier["files"].items() <= now["files"].items())
