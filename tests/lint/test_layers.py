"""dbt layers point one way, and a model's SQL never asks the clock."""

import re
from pathlib import Path

import pytest

from pipeline.base.catalog import variables
from pipeline.base.settings import DBT_PROJECT, ROOT

MODELS = DBT_PROJECT / "models"
# layer: layers whose models it may ref()
READS = {
    "staging": ("staging",),
    "intermediate": ("staging", "intermediate"),
    "core": ("intermediate", "core"),
    "ops": ("intermediate", "core", "ops"),
    "features": ("core", "features"),
    "marts": ("core", "ops", "features", "marts"),
    "export": ("intermediate", "core", "export"),
}
REF = re.compile(r"""ref\(\s*['"]([^'"]+)['"]""")
LANDING = re.compile(r"\b(landed|planned_receipts)\(")
SCORES = re.compile(r"\bscores\(")
CLOCK = re.compile(
    r"\b(now\(\)|current_date|current_timestamp|today\(\)|get_current_timestamp|localtimestamp)\b", re.IGNORECASE
)
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)


def layer_of(path: Path) -> str:
    return path.relative_to(MODELS).parts[0]


def sql(path: Path) -> str:
    return COMMENT.sub("", path.read_text(encoding="utf-8"))


def references(path: Path) -> list[str]:
    """What a model reads: what it names, and each fact of `vars.metric_facts` where it goes through them."""
    text = sql(path)
    facts = variables()["metric_facts"].values() if "ref(fact.table)" in text else ()
    return [*REF.findall(text), *(fact["table"] for fact in facts)]


FILES = sorted(path for kind in ("sql", "py") for path in MODELS.rglob(f"*.{kind}"))
LAYER_OF_MODEL = {path.stem: layer_of(path) for path in FILES}


def ids(path: Path) -> str:
    return path.stem


def test_every_model_is_in_a_known_layer_and_has_a_name_of_its_own() -> None:
    assert set(LAYER_OF_MODEL.values()) == set(READS)
    assert len(LAYER_OF_MODEL) == len(FILES)


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_model_reads_only_the_layers_before_it(path: Path) -> None:
    may_read = READS[layer_of(path)]
    names = [name for name in references(path) if name in LAYER_OF_MODEL]
    assert [f"{name} ({LAYER_OF_MODEL[name]})" for name in names if LAYER_OF_MODEL[name] not in may_read] == []


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_only_staging_reads_the_landing_and_only_marts_read_scores(path: Path) -> None:
    text = sql(path)
    assert not LANDING.search(text) or layer_of(path) in ("staging", "ops")
    assert not SCORES.search(text) or layer_of(path) == "marts"
    assert "read_parquet" not in text


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_staging_of_a_source_reads_its_own_source_only(path: Path) -> None:
    if layer_of(path) != "staging":
        assert not path.stem.startswith(("stg_", "base_"))
        return
    source = path.parent.name
    assert path.stem.startswith((f"stg_{source}__", f"base_{source}__"))
    assert [name for name in references(path) if f"_{source}__" not in name] == []


@pytest.mark.parametrize("path", [*FILES, *sorted((DBT_PROJECT / "macros").rglob("*.sql"))], ids=ids)
def test_no_sql_asks_the_clock(path: Path) -> None:
    assert CLOCK.findall(sql(path)) == []


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_model_states_its_grain(path: Path) -> None:
    assert "Grain: " in path.read_text(encoding="utf-8")[:200], path.relative_to(ROOT)
