"""A model says what it is and is held to it: its yml has grain, owner, columns, a key and, for a rule, a unit test."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.base.catalog import catalog, parent_of, table
from pipeline.base.settings import ROOT
from pipeline.sources.definitions import contract_entities
from tests.lint.test_layers import FILES, layer_of, references, sql

# Layers whose columns others read: each is described.
DESCRIBED = ("core", "features", "marts", "ops")
# Folders whose tables are published: names and types of their columns are a contract, and dbt holds it. Steps below
# them are not.
CONTRACTED = ("core", "marts", "ops")
PATHS = {path.stem: path for path in FILES}
# A rule: something is decided, numbered, compared with its neighbours or summed up.
RULE = re.compile(r"\b(case\s+when|over\s*\(|group\s+by)\b|\bover\s+\w+\b", re.IGNORECASE)
JINJA = re.compile(r"\{[%#{].*?[%#}]\}", re.DOTALL)


def described_models() -> dict[str, tuple[Path, dict[str, Any]]]:
    """The yml of each model, by name."""
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in sorted((ROOT / "dbt_project" / "models").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            assert model["name"] not in found, f"{model['name']} is described twice"
            found[model["name"]] = (path, model)
    return found


def unit_tested() -> set[str]:
    """The models that have a unit test."""
    files = (ROOT / "dbt_project" / "models").rglob("*.yml")
    contents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    return {test["model"] for content in contents for test in content.get("unit_tests", [])}


def has_rule(text: str) -> bool:
    """Whether a model's SQL decides, numbers, compares or sums, by itself and not by a macro."""
    return RULE.search(JINJA.sub("", text)) is not None


MODELS = described_models()
UNIT_TESTED = unit_tested()
# Models of an export read a release beside the landing: tests/warehouse/test_list_permission.py exports with them.
WITHOUT_UNIT_TESTS = ("staging", "export")
# Rows are judged from landed files and their receipts, which a unit test has not: tests/warehouse/test_documents.py and
# test_values.py land some.
JUDGED = "__rows"
WITH_RULE = [
    path
    for path in FILES
    if layer_of(path) not in WITHOUT_UNIT_TESTS and not path.stem.endswith(JUDGED) and has_rule(sql(path))
]


def ids(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", FILES, ids=ids)
def test_a_model_has_its_yml_with_grain_and_owner(path: Path) -> None:
    assert path.stem in MODELS, f"{path.relative_to(ROOT)} has no yml"
    model = MODELS[path.stem][1]
    assert model["description"].lstrip("'\"").startswith("One row"), model["description"]
    assert model["config"]["meta"]["owner"]


@pytest.mark.parametrize("path", [path for path in FILES if layer_of(path) in DESCRIBED], ids=ids)
def test_every_column_is_described(path: Path) -> None:
    columns = MODELS[path.stem][1].get("columns", [])
    assert columns
    assert [column["name"] for column in columns if not column.get("description")] == []


def is_contracted(path: Path) -> bool:
    """Whether a model stands in a folder whose tables are published."""
    return path.parent.name in CONTRACTED


def without_type(model: dict[str, Any]) -> list[str]:
    """The columns of a model whose yml gives no type."""
    return [column["name"] for column in model.get("columns", []) if not column.get("data_type")]


@pytest.mark.parametrize("path", [path for path in FILES if is_contracted(path)], ids=ids)
def test_every_published_column_has_a_type(path: Path) -> None:
    assert without_type(MODELS[path.stem][1]) == []


@pytest.mark.parametrize("folder", CONTRACTED)
def test_contracts_are_enforced(folder: str) -> None:
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["models"]["perennial"][folder]["+contract"] == {"enforced": True}
    own = [MODELS[path.stem][1]["config"] for path in FILES if path.parent.name == folder]
    assert [config for config in own if "contract" in config] == [], "a model is out of the contract"


@pytest.mark.parametrize("path", [path for path in FILES if layer_of(path) in DESCRIBED], ids=ids)
def test_a_table_has_a_grain(path: Path) -> None:
    # ops.row_fates has a reason that may be null: its rows are held to what was received.
    assert table(path.stem).grain or path.stem == "row_fates"


@pytest.mark.parametrize("kind", ["models", "seeds"])
def test_each_table_is_held_to_its_contract(kind: str) -> None:
    """dbt checks it when it has made the table; the gate, keys of published tables and totals with an account."""
    project = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project[kind]["perennial"]["+post-hook"] == "{{ keep_contract() }}"


def test_a_contract_speaks_of_columns_that_the_table_has() -> None:
    for described in catalog().values():
        contract, columns = described.contract, {column.name for column in described.columns}
        named = {*chain(*described.keys), *contract.relations, *contract.required, *contract.values}
        named |= {contract.date} if contract.date else set()
        if layer_of(described.path) in DESCRIBED:
            assert named - columns == set(), described.name
        for relation in described.relations.values():
            parent, column = parent_of(relation)
            assert column in {each.name for each in parent.columns}, (described.name, relation)


def made_from(name: str) -> set[str]:
    """The models that a model is made from, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        named = set(references(PATHS[waiting.pop()])) & PATHS.keys()
        waiting += named - found
        found |= named
    return found


def test_dbt_compares_a_total_with_what_is_there_before_it() -> None:
    """Of a model beside it dbt may see no table yet: two threads build at once."""
    for described in catalog().values():
        compared = [total.equals for total in described.contract.totals if not total.account]
        others = {name for equals in compared for name in equals} - {described.name}
        assert not others or others <= made_from(described.name), described.name


def test_only_published_tables_have_relations() -> None:
    """The gate follows them; it sees published tables alone."""
    assert [each.name for each in catalog().values() if each.relations and not each.is_published] == []


def test_a_total_is_of_models_that_are_there() -> None:
    named = {name for each in catalog().values() for total in each.contract.totals for name in total.equals}
    assert named - set(catalog()) == set()


@pytest.mark.parametrize("path", WITH_RULE, ids=ids)
def test_a_rule_has_a_unit_test(path: Path) -> None:
    assert path.stem in UNIT_TESTED, f"{path.relative_to(ROOT)} decides or sums something: tell it as people"


def test_every_description_is_of_a_model() -> None:
    assert set(MODELS) - {path.stem for path in FILES} == set()


def test_the_lint_sees_a_column_without_a_type() -> None:
    assert without_type({"columns": [{"name": "a", "data_type": "date"}, {"name": "b"}]}) == ["b"]
    assert {path.stem for path in FILES if is_contracted(path)} >= {
        "fct_order",
        "customer_360",
        "row_fates",
        "releases",
    }
    assert not is_contracted(ROOT / "dbt_project" / "models" / "marts" / "parts" / "part_customer.sql")


def test_the_lint_sees_a_rule() -> None:
    assert has_rule("select sum(a) from t group by b")
    assert has_rule("select row_number() over (order by a) from t")
    assert has_rule("select lag(a) over by_day from t window by_day as (order by a)")
    assert has_rule("select case when a then b end from t")
    assert not has_rule("select {{ macro('case when') }} as a from t")


def test_a_tag_is_the_entity_that_a_model_is_made_of() -> None:
    """Incremental builds leave out models with the tag of an entity that no source provides (pipeline/build/dbt.py)."""
    tags = {name: model.get("config", {}).get("tags", []) for name, (_, model) in MODELS.items()}
    entities = contract_entities()
    assert {tag for each in tags.values() for tag in each} == set(entities)
    for entity in entities:
        assert tags[f"int_{entity}__rows"] == tags[f"int_{entity}"] == [entity]
