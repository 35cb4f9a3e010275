"""Portable: `perennial run` on Spark builds the tables with the rows that DuckDB's have, and publishes the same."""

from pathlib import Path

import pytest

from tests.support.builds.company import ENGINES, SCHEMAS, SMALL, Home, built_by_both, unlike
from tests.support.builds.published import apart, published

pytestmark = [pytest.mark.slow, pytest.mark.spark]
COMPANIES = (
    pytest.param(SMALL, id="small"),
    pytest.param({"CRM_SOURCES": "demo_*"}, id="demo", marks=pytest.mark.long),
    pytest.param({"CRM_SOURCES": "complete_journey"}, id="complete_journey", marks=pytest.mark.long),
)


@pytest.fixture(scope="module", params=COMPANIES)
def homes(
    request: pytest.FixtureRequest, data_dir: Path, spark_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Home]:
    """The company's warehouse on each engine, from the same landing."""
    return built_by_both(spark_python, tmp_path_factory, {**request.param, "CRM_DATA": str(data_dir)})


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_table_has_the_same_rows(homes: dict[str, Home], schema: str) -> None:
    assert unlike(homes, schema) == ""


def test_release_and_lists_are_the_same(homes: dict[str, Home]) -> None:
    """Figures, checks, accounts, reports and model cards in their words, lists to the byte."""
    ours, theirs = (published(homes[engine].folder, homes[engine].printed) for engine in ENGINES)
    assert any(name.endswith(".csv") for name in ours)
    assert "\n".join(apart(ours, theirs)) == ""
