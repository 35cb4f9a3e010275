"""The catalog says what every table is, and names the yml of what it cannot use."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.base import catalog
from pipeline.base.catalog import Relation, parent_of, parse_sum, published, table
from pipeline.base.errors import UserError
from pipeline.build.macros import macros

Described = Callable[..., None]


@pytest.fixture
def describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Described]:
    """Write the yml of a model of a project of its own, in the folder `core`."""
    (tmp_path / "models" / "core" / "steps").mkdir(parents=True)
    folders = {"core": {"+schema": "core", "steps": {"+schema": "between"}}}
    project = {"models": {"perennial": folders}}
    (tmp_path / "dbt_project.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    monkeypatch.setattr("pipeline.base.settings.DBT_PROJECT", tmp_path)
    catalog.catalog.cache_clear()

    def write(name: str, folder: str = "core", **meta: object) -> None:
        model = {"name": name, "config": {"meta": {"owner": "tests", **meta}}, "columns": [{"name": "a"}]}
        path = tmp_path / "models" / folder / f"{name}.yml"
        path.write_text(yaml.safe_dump({"models": [model]}), encoding="utf-8")

    yield write
    catalog.catalog.cache_clear()


def test_a_table_is_published_in_the_schema_of_its_folder(describe: Described) -> None:
    describe("fct_sale", grain=["a"])
    describe("sale_changed", "core/steps", grain=["a"])
    assert table("fct_sale").full_name == "core.fct_sale"
    assert table("sale_changed").full_name == "between.sale_changed"
    assert list(published()) == ["core.fct_sale"]


def test_a_key_that_no_contract_has_is_named_with_its_yml(describe: Described) -> None:
    describe("fct_sale", grian=["a"])
    with pytest.raises(UserError, match=r"fct_sale\.yml, model fct_sale: meta\.grian: .*Correct it there\."):
        published()


def test_a_relation_is_to_the_grain_unless_it_names_a_column(describe: Described) -> None:
    describe("dim_thing", grain=["a"])
    describe("dim_pair", grain=["a", "b"])
    assert [parent_of(Relation(to=to))[1] for to in ("dim_thing", "dim_thing.b", "dim_pair.b")] == ["a", "b", "b"]
    with pytest.raises(UserError, match=r"names no column.*dim_pair\.yml.*dim_pair\.<column>"):
        parent_of(Relation(to="dim_pair"))


def test_a_table_that_nothing_describes_is_named(describe: Described) -> None:
    with pytest.raises(UserError, match="No yml in dbt_project/models describes a model 'fct_sale'"):
        table("fct_sale")


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("amount", ("amount", "true")),
        ("-amount where kind = 'service'", ("-amount", "kind = 'service'")),
        ("(select b from t where t.a = s.a) where c", ("(select b from t where t.a = s.a)", "c")),
    ],
)
def test_a_sum_may_end_in_a_condition(expression: str, parts: tuple[str, str]) -> None:
    assert parse_sum(expression) == parts


def test_a_total_names_measures_of_the_other_table_in_dbt_as_in_the_gate() -> None:
    returns = table("fct_return")
    expression = "{recovered} - {refunds} where customer_id <> 'unknown'"
    sql = returns.with_measures(expression)
    assert parse_sum(sql) == (
        f"{returns.measures['recovered']} - {returns.measures['refunds']}",
        "customer_id <> 'unknown'",
    )
    facts = macros("facts", measures={"fct_return": returns.measures})
    assert facts["with_measures"](expression, "fct_return") == sql
    assert facts["measure"]("fct_return", "refunds") == returns.measures["refunds"]
