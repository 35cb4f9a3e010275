"""Online Retail II by the guide: a made-up file of its shape always, the real one where it is.

The real file is not part of the project: set ONLINE_RETAIL_II to its path to test it too.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.base.catalog import table
from pipeline.base.settings import ROOT, load_settings
from pipeline.onboarding.trial.dry_run import dry_run
from tests.support.builds import dry_runs
from tests.support.companies.online_retail import Line, made_up_lines, write_parquet
from tests.warehouse.steps import build

VARIABLE = "ONLINE_RETAIL_II"
MADE_UP = "made up"
REFUND = table("fct_return").measures["all_refunds"]


@dataclass(frozen=True)
class Expected:
    """What a file holds, counted without the pipeline."""

    lines: int
    amount: Decimal
    cancellation_lines: int
    cancelled_amount: Decimal
    lines_without_customer: int
    amount_without_customer: Decimal
    bad_debt_lines: int
    bad_debt: Decimal
    customers: int
    exact_repeats: int


# UCI Machine Learning Repository, sheet 2009-2010, counted in the file with another tool.
PUBLISHED = Expected(
    lines=525_461,
    amount=Decimal("9539484.6340"),
    cancellation_lines=10_206,
    cancelled_amount=Decimal("-629855.37"),
    lines_without_customer=107_927,
    amount_without_customer=Decimal("1191276.06"),
    bad_debt_lines=3,
    bad_debt=Decimal("-136552.02"),
    customers=4_383,
    exact_repeats=6_865,
)


def count(lines: list[Line]) -> Expected:
    """Count a made-up file in plain Python."""

    def total(some: list[Line]) -> Decimal:
        return sum((line.amount for line in some), Decimal(0))

    cancelled = [line for line in lines if line.invoice.startswith("C")]
    without_customer = [line for line in lines if line.customer is None]
    bad_debt = [line for line in lines if line.stock_code == "B"]
    return Expected(
        lines=len(lines),
        amount=total(lines),
        cancellation_lines=len(cancelled),
        cancelled_amount=total(cancelled),
        lines_without_customer=len(without_customer),
        amount_without_customer=total(without_customer),
        bad_debt_lines=len(bad_debt),
        bad_debt=total(bad_debt),
        customers=len({line.customer for line in lines} - {None}),
        exact_repeats=len(lines) - len(set(lines)),
    )


def real_file() -> Path | None:
    """The real file, where someone has it."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "online_retail_II_2009_2010.parquet"
    return path if path.is_file() else None


FILES = [MADE_UP, *([pytest.param("real", marks=pytest.mark.slow)] if real_file() else [])]


def built(file: Path, home: Path) -> duckdb.DuckDBPyConnection:
    """Build the warehouse from a file and open it."""
    settings = load_settings({"CRM_HOME": str(home), "CRM_SOURCES": "online_retail_ii"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(file))
        build(settings)
    return duckdb.connect(str(settings.warehouse), read_only=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the made-up file."""
    folder = tmp_path_factory.mktemp("made_up")
    write_parquet(made_up_lines(), folder / "lines.parquet")
    with built(folder / "lines.parquet", folder / "home") as connection:
        yield connection


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of the real file."""
    file = real_file()
    assert file
    with built(file, tmp_path_factory.mktemp("real")) as connection:
        yield connection


@pytest.fixture
def case(request: pytest.FixtureRequest) -> tuple[duckdb.DuckDBPyConnection, Expected]:
    """A warehouse and what its file holds."""
    if request.param == MADE_UP:
        return request.getfixturevalue("small"), count(made_up_lines())
    return request.getfixturevalue("large"), PUBLISHED


def one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The only row of a query."""
    rows = connection.execute(query).fetchall()
    assert len(rows) == 1
    return tuple(rows[0])


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_every_line_is_accounted_for(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    receipt = one(warehouse, "select received, accepted, quarantined, duplicates, unreadable from ops.load_receipts")
    assert receipt == (expected.lines, expected.lines, 0, 0, 0)


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_quantity_times_price_is_what_is_booked(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    booked = one(
        warehouse,
        f"""select (select sum(net_amount) from core.fct_order_line) - (select sum({REFUND}) from core.fct_return),
                  (select sum(net_amount - refund_amount - other_refund_amount) from core.fct_customer_month)""",
    )
    assert booked == (expected.amount, expected.amount)


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_cancellations_are_returns(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    returned = one(warehouse, f"select count(*), -sum({REFUND}) from core.fct_return")
    assert returned == (expected.cancellation_lines, expected.cancelled_amount)
    assert one(warehouse, "select count(*) from core.fct_order_line where order_id like '%:C%'") == (0,)


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_lines_without_a_customer_are_unknown(
    case: tuple[duckdb.DuckDBPyConnection, Expected],
) -> None:
    warehouse, expected = case
    without_customer = one(
        warehouse,
        f"""with lines as (
               select customer_id, net_amount as amount from core.fct_order_line
               union all
               select customer_id, -{REFUND} from core.fct_return
           )
           select count(*), sum(amount) from lines where customer_id = 'unknown'""",
    )
    assert without_customer == (expected.lines_without_customer, expected.amount_without_customer)
    assert one(warehouse, "select count(*) from marts.customer_360 where customer_id = 'unknown'") == (0,)


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_bad_debt_is_outside_sales(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    bad_debt = one(
        warehouse,
        """select count(*), sum(net_amount), bool_or(is_sale), any_value(product_id) from core.fct_order_line
           where line_type = 'bad_debt'""",
    )
    assert bad_debt == (expected.bad_debt_lines, expected.bad_debt, False, "not_applicable")


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_one_customer_per_number(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    customers = one(
        warehouse,
        """select (select count(*) from core.dim_customer where not is_unknown),
                  (select count(*) from marts.customer_360),
                  (select count(distinct customer_id) from marts.customer_clv)""",
    )
    assert customers == (expected.customers,) * 3


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_exact_repeats_are_kept_and_flagged(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    flagged = one(
        warehouse,
        """select (select count(*) from core.fct_order_line where is_exact_repeat)
                + (select count(*) from core.fct_return where is_exact_repeat)""",
    )
    assert flagged == (expected.exact_repeats,)


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_the_statement_of_all_customers_sums_to_the_facts(case: tuple[duckdb.DuckDBPyConnection, Expected]) -> None:
    warehouse, expected = case
    assert one(warehouse, "select sum(amount) from marts.clv_statement where part = 'historic'") == (expected.amount,)


@pytest.mark.parametrize(
    ("stock_code", "line_type", "is_sale"),
    [
        ("85123A", "product", True),
        ("POST", "shipping", True),
        ("DOT", "shipping", True),
        ("C2", "shipping", True),
        ("D", "discount", True),
        ("M", "adjustment", True),
        ("S", "adjustment", True),
        ("ADJUST2", "adjustment", True),
        ("TEST001", "adjustment", True),
        ("GIFT_0001_80", "gift_card", True),
        ("BANK CHARGES", "fee", False),
        ("AMAZONFEE", "fee", False),
        ("B", "bad_debt", False),
    ],
)
def test_postage_fees_and_bookings_are_not_products(
    small: duckdb.DuckDBPyConnection, stock_code: str, line_type: str, is_sale: bool
) -> None:
    rows = small.execute(
        """select distinct line_type, is_sale, product_id = 'not_applicable' from core.fct_order_line
           where source_product_id = $1""",
        [stock_code],
    ).fetchall()
    assert rows == [(line_type, is_sale, line_type not in ("product", "gift_card"))]


def test_prices_keep_four_decimals(small: duckdb.DuckDBPyConnection) -> None:
    price = one(small, "select unit_price, net_amount from core.fct_order_line where order_id like '%:489007'")
    assert price == (Decimal("0.5525"), Decimal("1.6575"))


def test_written_off_stock_is_not_a_purchase(small: duckdb.DuckDBPyConnection) -> None:
    order = one(small, "select is_purchase, net_amount, customer_id from core.fct_order where order_id like '%:489008'")
    assert order == (False, 0, "unknown")


def test_ana_came_on_three_days_and_brought_one_thing_back(small: duckdb.DuckDBPyConnection) -> None:
    ana = one(
        small,
        """select c.purchases, c.refund_amount, c.country, c.first_order_date::varchar
           from marts.customer_360 as c inner join core.customer_source_id as s on c.customer_id = s.customer_id
           where s.source_customer_id = '12345'""",
    )
    assert ana == (3, Decimal("5.90"), "United Kingdom", "2009-12-01")


def test_ben_lives_where_most_of_his_lines_go(small: duckdb.DuckDBPyConnection) -> None:
    ben = one(
        small,
        """select d.country from core.dim_customer as d
           inner join core.customer_source_id as s on d.customer_id = s.customer_id
           where s.source_customer_id = '12346'""",
    )
    assert ben == ("Germany",)


def test_cleo_who_only_returned_is_a_customer_without_purchases(small: duckdb.DuckDBPyConnection) -> None:
    cleo = one(
        small,
        """select c.purchases, c.net_revenue, c.lifecycle_stage, v.clv_future, v.clv_total, v.unavailable_reason
           from marts.customer_360 as c
           inner join marts.customer_clv as v on c.customer_id = v.customer_id
           inner join core.customer_source_id as s on c.customer_id = s.customer_id
           where s.source_customer_id = '12347'""",
    )
    assert cleo[:5] == (0, Decimal("-2.55"), "prospect", None, Decimal("-2.55"))
    assert cleo[5] == "no purchase known by the as-of date"


def test_one_product_in_two_spellings(small: duckdb.DuckDBPyConnection) -> None:
    heart = one(small, "select product_name from core.dim_product where source_product_id = '85123A'")
    assert heart == ("WHITE HANGING HEART",)


def test_customers_may_be_older_than_the_data(small: duckdb.DuckDBPyConnection) -> None:
    truncated = small.execute(
        """select s.source_customer_id, d.is_left_truncated from core.dim_customer as d
           inner join core.customer_source_id as s on d.customer_id = s.customer_id order by 1"""
    ).fetchall()
    assert truncated == [("12345", True), ("12346", False), ("12347", False)]


def test_unknown_figures_are_null_with_a_reason(small: duckdb.DuckDBPyConnection) -> None:
    unknown = small.execute(
        "select distinct part, line, reason from marts.clv_statement where amount is null and reason is null"
    ).fetchall()
    assert unknown == []
    campaigns = one(small, "select count(*), count(satisfaction), min(satisfaction_reason) from marts.customer_360")
    assert campaigns == (3, 0, "no active source provides survey responses")


@pytest.mark.parametrize("case", FILES, indirect=True)
def test_the_dry_run_says_what_was_built(
    case: tuple[duckdb.DuckDBPyConnection, Expected], monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, _ = case
    (database,) = one(warehouse, "select path from duckdb_databases() where not internal")
    made_up = Path(database).parents[1] / "lines.parquet"
    monkeypatch.setenv(VARIABLE, str(made_up if made_up.is_file() else real_file()))
    assert dry_runs.said(dry_run("online_retail_ii")) == dry_runs.built("online_retail_ii", warehouse)
