"""docs/adding_a_source.md, followed to the letter in a copy of the project: what it says is what one gets."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.base import settings as project
from pipeline.base.settings import CODE_FOLDERS, ROOT
from pipeline.onboarding.trial.dry_run import dry_run
from tests.lint.dbt_stubs import contract  # type: ignore[attr-defined]
from tests.support.builds import dry_runs
from tests.support.builds.guide import read_contract, read_walk
from tests.support.programs.perennial import PERENNIAL

WALK = read_walk()
NEVER_COPIED = shutil.ignore_patterns("__pycache__", "target", "logs")


@dataclass(frozen=True)
class Followed:
    """A copy of the project in which the guide was followed."""

    home: Path
    output: str
    release: duckdb.DuckDBPyConnection

    def ask(self, query: str) -> duckdb.DuckDBPyRelation:
        """Answer a query on the release; `var/` is the home of this copy."""
        return self.release.sql(query.replace("'var/", f"'{self.home}/"))

    def one(self, query: str) -> tuple[Any, ...]:
        """The only row of a query."""
        rows = self.ask(query).fetchall()
        assert len(rows) == 1
        return tuple(rows[0])


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    """Draft the source as the guide says, answer what it asks, and run its command."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in CODE_FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=NEVER_COPIED)
    shutil.copy(ROOT / "requirements.lock", copy)
    export = copy / ".data" / "coffee_shop" / "sales.csv"
    export.parent.mkdir(parents=True)
    export.write_text(WALK.export, encoding="utf-8")
    drafted = shlex.split(WALK.draft)
    given = dict(word.split("=", 1) for word in drafted if "=" in word)
    perennial(copy, "new-source", given["NAME"], "--file", given["FILE"])
    definition = copy / "dags" / "sources" / "coffee_shop.yml"
    text = definition.read_text(encoding="utf-8")
    for key, value in WALK.answers.items():
        text, number = re.subn(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.MULTILINE)
        assert number == 1
    definition.write_text(text, encoding="utf-8")
    output = perennial(copy, "run", CRM_SOURCES="coffee_shop")
    with duckdb.connect(str(copy / "var" / "serving" / "current" / "perennial.duckdb"), read_only=True) as release:
        yield Followed(copy / "var", output, release)


def perennial(copy: Path, *words: str, **settings: str) -> str:
    """Run a command in a copy of the project; return what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "AIRFLOW_", "PYTEST_"))}
    done = subprocess.run(
        [PERENNIAL, *words],
        cwd=copy,
        env={**kept, "PYTHONPATH": str(copy), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guide_has_the_files_and_queries_that_are_tested() -> None:
    assert WALK.draft == "make new-source NAME=coffee_shop FILE=.data/coffee_shop/sales.csv"
    assert WALK.command == "make run SOURCES=coffee_shop"
    assert [Path(name).stem for name in WALK.files] == ["base_coffee_shop__sales", "stg_coffee_shop__returns"]
    assert len(WALK.queries) == 4


def test_the_models_that_the_guide_shows_are_those_that_are_drafted(followed: Followed) -> None:
    copy = followed.home.parent
    assert {name: (copy / name).read_text(encoding="utf-8") for name in WALK.files} == WALK.files


def test_the_summary_is_the_one_in_the_guide(followed: Followed) -> None:
    printed = [line.strip() for line in followed.output.splitlines()]
    assert [line for line in WALK.summary if line not in printed] == []


@pytest.mark.parametrize(("query", "answer"), WALK.queries)
def test_each_query_answers_what_the_guide_shows(followed: Followed, query: str, answer: str) -> None:
    assert str(followed.ask(query)).strip() == answer


def test_the_dry_run_says_what_was_published(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = followed.home.parent
    monkeypatch.setattr(project, "SOURCE_FILES", copy / "dags" / "sources")
    monkeypatch.setattr(project, "STAGING", copy / "dbt_project" / "models" / "staging")
    outcome = dry_run("coffee_shop", {"CRM_DATA": str(copy / ".data")})
    assert dry_runs.said(outcome) == dry_runs.built("coffee_shop", followed.release)


def test_amounts_are_those_of_the_lines_that_can_be_read(followed: Followed) -> None:
    """The same sums, from the export in plain Python."""
    sold: dict[tuple[str, str], Decimal] = {}
    returned = Decimal(0)
    for line in WALK.export.splitlines()[2:]:
        values = line.split(";")
        is_bad = len(values) < 9 or values[2].startswith("30.02.") or values[7].endswith("O")
        if not is_bad:
            amount = Decimal(values[7].replace(".", "").replace(",", "."))
            returned -= amount if values[8] else 0
            if not values[8]:
                sold[values[0], values[1]] = amount
    assert followed.one("select sum(net_sales), sum(refund_amount) from core.fct_customer_month") == (
        sum(sold.values()),
        returned,
    )


def test_times_are_local_and_days_are_local_days(followed: Followed) -> None:
    first = followed.one(
        "select ordered_at::varchar, order_date::varchar from core.fct_order where order_id = 'coffee_shop:1001'"
    )
    assert first == ("2024-01-03 08:15:00", "2024-01-03")


def test_the_return_finds_its_order_and_customer(followed: Followed) -> None:
    returned = followed.one(
        """select r.order_id, r.quantity, r.refund_amount, r.return_date::varchar, r.customer_id = o.customer_id
           from core.fct_return as r inner join core.fct_order as o on r.order_id = o.order_id"""
    )
    assert returned == ("coffee_shop:1013", 1, Decimal("7.95"), "2024-03-08", True)


def test_customers_are_those_who_are_named(followed: Followed) -> None:
    assert followed.one("select count(*), count(*) filter (is_unknown) from core.dim_customer") == (6, 1)
    with duckdb.connect(str(followed.home / "serving" / "current" / "contacts.duckdb"), read_only=True) as contacts:
        known = contacts.sql("select source_customer_id from contacts.customer_source_id order by 1").fetchall()
    assert [name for (name,) in known] == ["K-04", "K-17", "K-23", "K-31", "K-42"]


def test_a_quarantined_line_leaves_the_rest_of_its_receipt(followed: Followed) -> None:
    assert followed.one("select lines, net_sales from core.fct_order where order_id = 'coffee_shop:1010'") == (
        1,
        Decimal("4.50"),
    )


def test_what_cannot_be_computed_is_null_with_its_reason(followed: Followed) -> None:
    unexplained = followed.one(
        """select count(*) filter (clv.clv_future is not null or clv.is_clv_complete or clv.unavailable_reason is null),
                  count(*) filter (churn.churn_probability is not null or churn.unavailable_reason is null)
           from marts.customer_clv as clv
           inner join marts.customer_churn as churn on clv.customer_id = churn.customer_id"""
    )
    assert unexplained == (0, 0)
    assert followed.one("select count(*) from marts.clv_statement where amount is null and reason is null") == (0,)
    assert followed.one("select count(segment_name), count(tier) from marts.customer_360") == (5, 5)
    assert followed.one("select count(*) from marts.model_runs where is_published") == (0,)


def test_the_contract_in_the_guide_is_the_contract() -> None:
    built = {
        entity: {
            name: (kind, is_required, name in spec["key"]) for name, (kind, is_required) in spec["columns"].items()
        }
        for entity, spec in contract().items()
    }
    assert read_contract() == built
