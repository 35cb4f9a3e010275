"""A fact is published month by month, by the day that it is joined with the versions of its customer."""

import re
from pathlib import Path

import pytest

from pipeline.releases import GRAINS, Table
from tests.lint.test_coverage import MODELS
from tests.lint.test_layers import FILES, sql

FACTS = [path for path in FILES if path.stem.startswith("fct_")]
VERSION_OF = re.compile(r"with_version\('customer', '\w+', '(?:last_day\()?(\w+)\)?'\)")
OF_NO_CUSTOMER = {"fct_cost": ["period_start_date"]}


def test_every_fact_is_published() -> None:
    assert {f"core.{path.stem}" for path in FACTS} == {name for name in GRAINS if name.startswith("core.fct_")}


@pytest.mark.parametrize("path", FACTS, ids=lambda path: path.stem)
def test_a_fact_is_stored_by_its_day(path: Path) -> None:
    columns = {column["name"]: column["data_type"].upper() for column in MODELS[path.stem][1]["columns"]}
    day = Table("core", path.stem, columns, None, {}).date
    assert [day] == OF_NO_CUSTOMER.get(path.stem, VERSION_OF.findall(sql(path)))
