"""Who is who in the demo company, judged by its truth: more errors, less is found, and what is found stays right."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from demo.proof.statistics import pairwise_precision_recall
from pipeline.build import dbt
from pipeline.build.plan import make_plan
from pipeline.landing import land_source
from tests.demo.company_files import make, settings_of

CUSTOMERS = 1_500
RECORDS = """
    select records.person_id, found.customer_id
    from read_parquet('{truth}') as records
    inner join intermediate.int_source_customers as found using (source_system, source_customer_id)
"""


@pytest.fixture(scope="module")
def identified(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """Build a company with some rate of errors up to the identity of its customers, once; return its home."""
    homes: dict[float, Path] = {}

    def build(errors: float) -> Path:
        if errors not in homes:
            home = make(tmp_path_factory.mktemp("identity"), customers=CUSTOMERS, errors=errors)
            settings = settings_of(home)
            for source in settings.sources:
                land_source(settings, source)
            make_plan(settings)
            dbt.run_layers(settings, "staging", "intermediate")
            homes[errors] = home
        return homes[errors]

    return build


def measured(home: Path) -> tuple[float, float]:
    """Pairwise precision and recall over all records."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(RECORDS.format(truth=home / "truth" / "records.parquet")).df()
    return pairwise_precision_recall(found["customer_id"], found["person_id"])


def test_the_usual_errors(identified: Callable[[float], Path]) -> None:
    precision, recall = measured(identified(1))
    assert precision > 0.99
    assert recall > 0.77, "87 % of the pairs have a chain of equal values"


def test_more_errors_are_seen(identified: Callable[[float], Path]) -> None:
    precision, recall = measured(identified(3))
    assert precision > 0.97
    assert recall < measured(identified(1))[1] - 0.1


def test_each_rule_is_right(identified: Callable[[float], Path]) -> None:
    home = identified(1)
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        rules = connection.execute(
            f"""
            with records as (
                select found.source_record_key, found.matched_to, found.match_rule, truth.person_id
                from read_parquet('{home / "truth" / "records.parquet"}') as truth
                inner join intermediate.int_source_customers as found using (source_system, source_customer_id)
            )
            select one.match_rule, count(*), avg(cast(one.person_id = other.person_id as int))
            from records as one inner join records as other on one.matched_to = other.source_record_key
            group by 1 order by 1
            """
        ).fetchall()
    assert [rule for rule, _, _ in rules] == ["account", "address", "email", "loyalty_id", "model", "phone"]
    assert {rule: right for rule, _, right in rules if right < 0.98} == {}


def test_masked_addresses_link_no_records(identified: Callable[[float], Path]) -> None:
    with duckdb.connect(str(identified(1) / "warehouse.duckdb"), read_only=True) as connection:
        verdicts = connection.execute(
            "select verdict, count(*) > 50 from intermediate.int_customer_identifiers"
            " where kind = 'email' and identifier_value like '%@relay.%' group by 1"
        ).fetchall()
    assert verdicts == [("placeholder", True)]
