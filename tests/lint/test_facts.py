"""A fact is published quarter by quarter, by the day that it is joined with the versions of its customer."""

import re
from pathlib import Path

import pytest

from pipeline.base.catalog import published, table
from tests.lint.test_layers import FILES, sql

FACTS = [path for path in FILES if path.stem.startswith("fct_")]
VERSION_OF = re.compile(r"with_version\('customer', '\w+', '(?:last_day\()?(\w+)\)?'\)")
OF_NO_CUSTOMER = {"fct_cost": ["period_start_date"]}


def test_every_fact_is_published() -> None:
    assert {f"core.{path.stem}" for path in FACTS} == {name for name in published() if name.startswith("core.fct_")}


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_a_fact_is_stored_by_its_day(path: Path) -> None:
    assert [table(path.stem).contract.date] == OF_NO_CUSTOMER.get(path.stem, VERSION_OF.findall(sql(path)))


def test_the_calendar_is_of_the_days_of_all_facts() -> None:
    """dbt parses dim_date before it knows the ymls, so that it names the facts and their days itself."""
    text = sql(next(path for path in FILES if path.stem == "dim_date"))
    selected = {fact: day for day, fact in re.findall(r"select (\w+) as event_date from \{\{ ref\('(\w+)'\)", text)}
    made_of_facts = {"fct_order_line", "fct_cost_allocation", "fct_customer_month"}
    days = {path.stem: table(path.stem).contract.date for path in FACTS if path.stem not in made_of_facts}
    assert selected == days
