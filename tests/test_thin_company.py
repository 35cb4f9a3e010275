"""A company of a few customers in two currencies, run as its user runs it: what is published is true."""

import csv
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.support.builds.project import make_project
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.perennial import PERENNIAL

DEFINITION = """\
description: A kiosk that sends files.
kind: files
location: ${KIOSK}
schedule: none
currency: EUR
time_zone: UTC
history: complete
first_interval_start: 2024-01-01
tables:
  orders:
    file: "orders*.csv"
    format: csv
    load: append
    key: [order_id]
    event_time: at
    columns: [order_id, who, currency, at]
  lines:
    file: "lines*.csv"
    format: csv
    load: append
    key: [order_id, line]
    columns: [order_id, line, kind, amount]
  returns:
    file: "returns*.csv"
    format: csv
    load: append
    key: [return_id]
    event_time: at
    columns: [return_id, order_id, currency, amount, at]
  rates:
    file: rates.csv
    format: csv
    load: snapshot
    key: [day]
    columns: [day, rate]
"""
STAGING = {
    "orders": (
        "orders",
        {"order_id": "order_id", "source_customer_id": "who", "currency": "currency", "ordered_at": '"at"'},
    ),
    "order_lines": (
        "lines",
        {"order_id": "order_id", "line_number": "line", "line_type": "kind", "net_amount": "amount"},
    ),
    "returns": (
        "returns",
        {
            "return_id": "return_id",
            "order_id": "order_id",
            "currency": "currency",
            "refund_amount": "amount",
            "returned_at": '"at"',
        },
    ),
    "fx_rates": (
        "rates",
        {"rate_date": "day", "from_currency": "'CNY'", "to_currency": "'EUR'", "rate": "rate"},
    ),
}
# Every known customer bought once, long ago; a sale a year later has no customer. Of Dan's order nothing but the
# header can be read. What Cleo was credited is more than she bought.
ORDERS = [
    ("o1", "ana", "EUR", "2024-01-05 10:00:00"),
    ("o2", "ben", "CNY", "2024-01-07 10:00:00"),
    ("o3", "cleo", "EUR", "2024-02-03 10:00:00"),
    ("o4", "", "EUR", "2025-03-15 10:00:00"),
    ("o5", "dan", "EUR", "2024-02-10 10:00:00"),
]
LINES = [
    ("o1", "1", "product", "10.00"),
    ("o2", "1", "product", "100.00"),
    ("o3", "1", "product", "5.00"),
    ("o3", "2", "adjustment", "-70.00"),
    ("o4", "1", "product", "4.00"),
    ("o5", "1", "product", "abc"),
]
RETURNS = [
    ("r1", "o1", "EUR", "2.00", "2024-01-20 10:00:00"),
    ("r2", "o2", "CNY", "50.00", "2024-01-21 10:00:00"),
]
# The second delivery: six of ten lines write the decimal point as a comma.
MORE_ORDERS = [(f"p{n}", f"customer {n}", "EUR", f"2025-03-16 {n + 8:02}:00:00") for n in range(10)]
MORE_LINES = [(f"p{n}", "1", "product", "20,50" if n < 4 else "20.50") for n in range(10)]
MORE_LINES += [(f"p{n}", "2", "product", "1.249,00" if n < 2 else "7.50") for n in range(10)]


@dataclass(frozen=True)
class Kiosk:
    """The project with the kiosk, the folder that it delivers to, and the home of its warehouse."""

    project: Path
    folder: Path
    home: Path

    def deliver(self, name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a CSV file."""
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])

    def make(self, *words: str, **env: str) -> tuple[int, str]:
        """Do what a target of the Makefile does; return the exit code and what was said."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRM_", "AIRFLOW_"))}
        given = {"KIOSK": str(self.folder), "CRM_HOME": str(self.home), "CRM_SOURCES": "kiosk", **TABLES_ONLY, **env}
        done = subprocess.run(
            [PERENNIAL, *words],
            cwd=self.project,
            env={**kept, "PYTHONPATH": str(self.project), **given},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Query the published release."""
        path = self.home / "serving" / "current" / "perennial.duckdb"
        with duckdb.connect(str(path), read_only=True) as release:
            return release.execute(query).fetchall()

    def served(self) -> dict[str, str]:
        """Every published file, hashed."""
        files = [path for path in (self.home / "serving").rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@dataclass(frozen=True)
class Run:
    """The kiosk after its first run, and what that said."""

    kiosk: Kiosk
    code: int
    said: str


def staging(table: str, columns: dict[str, str]) -> str:
    mapped = ", ".join(f"'{name}': {expression!r}" for name, expression in columns.items())
    entity = next(entity for entity, (of, _) in STAGING.items() if of == table)
    return f"{{{{ stage('{entity}', landed('{table}'), columns={{{mapped}}}) }}}}\n"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("kiosk")
    project = make_project(
        folder, "kiosk", DEFINITION, {entity: staging(*described) for entity, described in STAGING.items()}
    )
    # No run waits for a source that is not active, though dbt can parse none of its models.
    later = project / "dbt_project" / "models" / "staging" / "later"
    later.mkdir()
    (later / "stg_later__orders.sql").write_text("select {% if %}", encoding="utf-8")
    definition = re.sub(r"first_interval_start: .*", "first_interval_start: 2024-02-30", DEFINITION)
    (project / "dags" / "sources" / "later.yml").write_text(definition, encoding="utf-8")
    kiosk = Kiosk(project, folder / "files", folder / "home")
    kiosk.folder.mkdir()
    kiosk.deliver("orders.csv", ["order_id", "who", "currency", "at"], ORDERS)
    kiosk.deliver("lines.csv", ["order_id", "line", "kind", "amount"], LINES)
    kiosk.deliver("returns.csv", ["return_id", "order_id", "currency", "amount", "at"], RETURNS)
    kiosk.deliver("rates.csv", ["day", "rate"], [("2024-01-01", "0.13")])
    yield Run(kiosk, *kiosk.make("run"))


def test_a_thin_company_is_published(first: Run) -> None:
    assert first.code == 0, first.said


@pytest.mark.parametrize(
    "sentence",
    [
        "Source 'later' is not active, and could not be: dags/sources/later.yml, line 8, 'first_interval_start'",
        "as of 2025-03-15",
        "Customers 4 3 buyers",
        "Purchases 4 2024-01-05 to 2025-03-15, 1 without a customer",
        "Net sales -38.00 EUR",
        "Refunds 8.50 EUR, 2 returned lines",
        "quarantined 1 ops.row_fates says why",
    ],
)
def test_the_summary_describes_the_thin_company(first: Run, sentence: str) -> None:
    assert sentence in first.said


def test_every_account_balances_and_no_currencies_are_added(first: Run) -> None:
    assert re.search(r"Accounts \d+ accounts from landing to marts, and each balances to the cent\.", first.said)
    report = (first.kiosk.home / "serving" / "current" / "report.md").read_text(encoding="utf-8")
    assert "| returns, as booked in CNY | current returns | 50 | core.fct_return | 50 | 0 |" in report
    assert "| returns, as booked in EUR | current returns | 2 | core.fct_return | 2 | 0 |" in report
    assert "| orders current | accepted less earlier versions and deletions | 5 |" in report
    assert " | core.fct_order, and orders without a line | 5 | 0 |" in report


def test_no_customer_with_a_purchase_is_called_one_without(first: Run) -> None:
    for mart in ("customer_segments", "customer_clv", "customer_churn"):
        rows = first.kiosk.ask(
            f"select distinct purchases > 0, unavailable_reason from marts.{mart} join marts.customer_360"
            " using (customer_id) where unavailable_reason is not null"
        )
        said = {reason for bought, reason in rows if bought}
        assert all("no purchase known" not in str(reason) for reason in said), (mart, said)
        assert [reason for bought, reason in rows if not bought] == ["no purchase known by the as-of date"]


def test_shares_of_segments_are_shares_or_null(first: Run) -> None:
    rows = first.kiosk.ask("select net_sales_share from marts.segment_profile")
    assert all(share is None for (share,) in rows)


def test_what_cannot_be_forecast_is_published_with_its_reason(first: Run) -> None:
    """Everybody bought once, more than a year ago: all are on the desk, and nothing is known of a return."""
    ask = first.kiosk.ask
    desk = ask("select winback_class, maximum_spend, unavailable_reason from marts.winback_list")
    assert len(desk) == 3
    assert {row[:2] for row in desk} == {(None, None)}
    assert all(str(row[2]).startswith("Not published: ") for row in desk)
    grid = ask("select clv_future, unavailable_reason from marts.clv_sensitivity where segment_name = 'all'")
    assert len(grid) == 9
    assert all(value is None and str(reason).startswith("Not published: ") for value, reason in grid)
    assert sorted(ask("select kind, related_id, unavailable_reason from marts.relationship_value")) == [
        ("account", "none", "no source says who belongs to an account"),
        (
            "household",
            "none",
            "no source says who belongs to a household, and no two persons share an address and a family name",
        ),
        ("referral", "none", "no source says who referred whom"),
    ]


@pytest.mark.slow
def test_money_in_quarantine_stops_the_release_until_the_load_is_accepted(first: Run) -> None:
    kiosk = first.kiosk
    before = kiosk.served()
    kiosk.deliver("orders2.csv", ["order_id", "who", "currency", "at"], MORE_ORDERS)
    kiosk.deliver("lines2.csv", ["order_id", "line", "kind", "amount"], MORE_LINES)
    code, said = kiosk.make("run")
    assert code == 2, said
    assert kiosk.served() == before
    assert "STOP marts_quarantined_money: at most 5% of the money of a load, and of all loads of a table" in said
    load = re.search(r"load (kiosk\.lines\.\S+?),", said)
    assert load, said
    assert "set_aside_rows 6, set_aside_share 0.3" in said
    code, said = kiosk.make("accept", "--load", load[1])
    assert (code, said[:5]) == (0, "Left "), said
    code, said = kiosk.make("run")
    assert code == 0, said
    assert "as of 2025-03-16" in said
