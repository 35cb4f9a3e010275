"""Personal columns are erased in the landing, and the next `make run` leaves nothing of them under CRM_HOME."""

import csv
import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import write_json
from pipeline.base.settings import Settings, load_settings
from pipeline.outputs import lists
from pipeline.serving import erasure
from pipeline.serving.releases import CONTACTS, MANIFEST, current_release, kept_releases, read_manifest
from pipeline.serving.rollback import check_whole, rollback
from tests.support.builds.project import make_project
from tests.support.builds.quick import TABLES_ONLY
from tests.support.programs.perennial import PERENNIAL

pytestmark = pytest.mark.slow
DEFINITION = """
description: A shop whose customers may ask to be forgotten.
kind: files
location: {folder}
schedule: none
currency: EUR
time_zone: Europe/Berlin
history: complete
first_interval_start: 2025-01-01
tables:
  customers:
    file: customers_*.csv
    format: csv
    load: append
    key: [id]
    cursor: changed_at
    personal: [given_name, family_name, email, phone, street, city, postcode, birth_date]
  orders: {{file: orders_*.csv, format: csv, load: append, key: [id], event_time: placed_at}}
  consents: {{file: consents_*.csv, format: csv, load: append, key: [id], event_time: given_at}}
"""
PERSON = ("given_name", "family_name", "email", "phone", "street", "city", "postcode", "birth_date")


def staged(entity: str, columns: dict[str, str], table: str | None = None, *, derived: bool = False) -> str:
    """SQL of a staging model that reads one table."""
    return (
        f"with rows_of_it as (select * from {{{{ landed('{table or entity}') }}}})\n\n"
        f"{{{{ stage('{entity}', 'rows_of_it', columns={json.dumps(columns)}, derived={str(derived).lower()}) }}}}\n"
    )


STAGING = {
    "customers": staged(
        "customers",
        {
            "source_customer_id": "id",
            "kind": "'person'",
            "country": "country",
            "created_at": "created_at",
            **{name: name for name in PERSON},
        },
    ),
    "orders": staged(
        "orders", {"order_id": "id", "source_customer_id": "customer", "ordered_at": "placed_at"}, derived=True
    ),
    "order_lines": staged("order_lines", {"order_id": "id", "line_number": "1", "net_amount": "amount"}, "orders"),
    "consents": staged(
        "consents",
        {
            "source_customer_id": "customer",
            "channel": "channel",
            "purpose": "'marketing'",
            "status": "'granted'",
            "changed_at": "given_at",
        },
    ),
}
FIRST, CUSTOMERS = dt.date(2025, 1, 6), 30
ZELDA, OTHER_ZELDA, YORICK = 1, 2, 3
# What is planted: Zelda has two accounts with one address, and has moved.
VALUES = {
    ZELDA: [
        "Zeldanova",
        "Quixotrova",
        "zelda.quix@planted.example",
        "+49 30 5550171",
        "Zaubernussweg 171",
        "Zittaustadt",
    ],
    OTHER_ZELDA: [
        "Zeldanova",
        "Quixotrova",
        "zelda.quix@planted.example",
        "+49 30 5550172",
        "Zwetschgenpfad 172",
        "Zeulenort",
    ],
    YORICK: [
        "Yorickson",
        "Jabberwocky",
        "yorick.jab@planted.example",
        "+49 30 5550173",
        "Yggdrasilhof 173",
        "Yburghausen",
    ],
}
MOVED = ["Zeldanova", "Neuquixotin", "zelda.neu@planted.example", "+49 30 5550174", "Zypressenallee 174", "Zwiesenau"]
OF_ZELDA = {*VALUES[ZELDA], *VALUES[OTHER_ZELDA], *MOVED, "plz-10171", "plz-10172", "1971-07-17"}
OF_YORICK = {*VALUES[YORICK], "plz-10173", "1973-07-17"}


class Company:
    """A copy of the project with the shop, its files and its home."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self.files.mkdir()
        self.project = make_project(folder, "shop", DEFINITION.format(folder=self.files), STAGING)
        self.home = folder / "home"
        self.settings: Settings = load_settings({"CRM_HOME": str(self.home), "CRM_SOURCES": "*"})

    def deliver(self, day: str, **tables: list[dict[str, object]]) -> None:
        for name, rows in tables.items():
            with (self.files / f"{name}_{day}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)

    def run(self) -> Path:
        """`make run`: return the folder of the release that is current then."""
        self.call("run")
        return current_release(self.settings)

    def call(self, verb: str) -> None:
        """Run a program of the project, as its make target does."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CRM_", "AIRFLOW_", "PYTEST_"))}
        env = {
            **kept,
            **TABLES_ONLY,
            "PYTHONPATH": str(self.project),
            "CRM_HOME": str(self.home),
            "CRM_SOURCES": "shop",
        }
        done = subprocess.run(
            [PERENNIAL, verb],
            cwd=self.project,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def list_everybody(self, release: Path) -> None:
        """Write a list of a release with all contacts: who is in the project's own depends on what they bought."""
        target = self.settings.lists / release.name / "everybody.csv"
        with closing(connect(release / CONTACTS, read_only=True)) as contacts:
            contacts.execute(f"copy dim_customer_contact to '{target}'")

    def siblings(self) -> list[Path]:
        return sorted(self.settings.landing.rglob("*.personal.parquet"))

    def blank(self, *ids: int) -> None:
        """Write the files of personal columns again with null for some customers, as docs/runbook.md says."""
        for sibling in self.siblings():
            main, new = str(sibling).replace(".personal.parquet", ".parquet"), f"{sibling}.new"
            columns = ", ".join(
                f"case when main.id not in {tuple(map(str, (*ids, 0)))} then {name} end as {name}" for name in PERSON
            )
            rows = f"select _position, {columns} from '{sibling}' join '{main}' as main using (_position)"
            duckdb.sql(f"copy ({rows}) to '{new}' (format parquet)")
            os.replace(new, sibling)

    def holders(self, values: set[str]) -> dict[str, list[str]]:
        """Where under the home, outside the landing, any of these texts stands: in bytes, or in a row of a table."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.is_relative_to(self.settings.landing):
                text = path.read_bytes().decode("utf-8", "replace") + rows_of(path)
                if held := sorted(value for value in values if value in text):
                    found[str(path.relative_to(self.home))] = held
        return found


def rows_of(path: Path) -> str:
    """All values of a Parquet file or a database: their bytes are compressed."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pydict())
    if path.suffix != ".duckdb":
        return ""
    with closing(connect(path, read_only=True)) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        return "".join(str(connection.execute(f'from "{s}"."{t}"').fetchall()) for s, t in tables)


def customer(number: int, values: list[str], changed_at: str) -> dict[str, object]:
    person = dict(zip(PERSON, [*values, f"plz-{10170 + number}", f"19{70 + number}-07-17"], strict=True))
    return {"id": number, **person, "country": "DE", "created_at": "2025-01-01", "changed_at": changed_at}


def orders(first: dt.date, weeks: int, start: int) -> list[dict[str, object]]:
    """Each customer buys every other week; Zelda most, and not in the last months."""
    rows = []
    for week in range(start, start + weeks):
        for number in range(1, CUSTOMERS + 1):
            stopped = number in (ZELDA, OTHER_ZELDA, YORICK) and week > 35
            if (week + number) % 2 == 0 and not stopped:
                amount = 500 if number <= YORICK else 10 + number
                day = first + dt.timedelta(weeks=week, days=number % 6)
                rows.append(
                    {"id": f"{week}-{number}", "customer": number, "placed_at": f"{day} 10:00:00", "amount": amount}
                )
    return rows


def contact(release: Path) -> set[str]:
    return set(rows_of(release / CONTACTS).replace("'", "").replace("(", "").replace(")", "").split(", "))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """Two releases: Zelda and Yorick are customers, then Zelda moves."""
    company = Company(tmp_path_factory.mktemp("erasure"))
    others = {
        n: [f"Given{n}", f"Family{n}", f"c{n}@others.planted.example", f"+49 30 66600{n:02}", f"Lane {n}", "Ulm"]
        for n in range(4, CUSTOMERS + 1)
    }
    people = [customer(n, values, "2025-01-02") for n, values in {**VALUES, **others}.items()]
    consents = [
        {"id": f"{n}{channel}", "customer": n, "channel": channel, "given_at": "2025-01-03"}
        for n in range(1, CUSTOMERS + 1)
        for channel in ("email", "mail")
    ]
    company.deliver("1", customers=people, orders=orders(FIRST, 50, 0), consents=consents)
    company.list_everybody(company.run())
    company.deliver("2", customers=[customer(ZELDA, MOVED, "2025-12-20")], orders=orders(FIRST, 2, 50))
    company.list_everybody(company.run())
    return company


def test_before_anything_is_erased_it_is_where_it_belongs(company: Company) -> None:
    held = company.holders(OF_ZELDA | OF_YORICK)
    releases = {path.name for path in kept_releases(company.settings)}
    assert len(releases) == 2
    assert {path for path in held if path.startswith("serving/")} == {
        f"serving/releases/{r}/contacts.duckdb" for r in releases
    }
    assert any(path.startswith("lists/") for path in held)
    assert "warehouse.duckdb" in held
    assert not [path for path in held if not path.startswith(("serving/", "lists/", "warehouse.duckdb"))]


def test_one_person_is_erased_and_the_others_stay(company: Company) -> None:
    before = {release.name: contact(release) for release in kept_releases(company.settings)}
    company.blank(ZELDA, OTHER_ZELDA)
    with pytest.raises(UserError, match="erased since release"):
        lists.export_lists(company.settings)
    release = company.run()
    assert company.holders(OF_ZELDA) == {}
    assert len(kept_releases(company.settings)) == 3
    for folder in kept_releases(company.settings):
        check_whole(folder)
        assert set(VALUES[YORICK]) <= contact(folder)
        assert {f"c{n}@others.planted.example" for n in range(4, CUSTOMERS + 1)} <= contact(folder)
        assert (folder / CONTACTS).stat().st_mode & 0o777 == 0o600
    assert {name for name in before if contact(release.parent / name) == before[name]} == set()
    assert [path.name for path in company.settings.lists.glob("*/")] == [release.name]
    with closing(connect(release / "perennial.duckdb", read_only=True)) as published:
        ((sales,),) = published.execute("select sum(net_sales) from marts.customer_360").fetchall()
        ((accounts,),) = published.execute("select count(*) from marts.customer_360 where purchases > 0").fetchall()
    assert sales == sum(row["amount"] for row in orders(FIRST, 52, 0))  # the facts stay
    assert accounts == CUSTOMERS  # nothing says any more that Zelda's accounts are of one person


def test_a_run_without_news_changes_nothing(company: Company) -> None:
    release = company.run()
    assert current_release(company.settings) == release
    assert len(kept_releases(company.settings)) == 3


def test_an_earlier_release_comes_back_without_what_was_erased(company: Company) -> None:
    last = current_release(company.settings).name
    rollback(company.settings)
    company.call("lists")
    assert company.holders(OF_ZELDA) == {}
    rollback(company.settings, last)


def test_all_files_of_personal_columns_are_deleted(company: Company) -> None:
    for sibling in company.siblings():
        sibling.unlink()
    company.run()
    everything = OF_ZELDA | OF_YORICK | {"@others.planted.example", "Family9", "Lane 9"}
    assert company.holders(everything) == {}
    for folder in kept_releases(company.settings):
        check_whole(folder)


def test_what_a_kill_after_publishing_left_is_scrubbed_by_the_next_run(company: Company) -> None:
    folder = kept_releases(company.settings)[0]
    assert folder != current_release(company.settings)
    with closing(connect(folder / CONTACTS)) as contacts:
        contacts.execute("insert into dim_customer_contact (customer_id, city) values ('x', 'Zittaustadt')")
    write_json(folder / MANIFEST, {**read_manifest(folder), "erased": {}})
    company.run()
    assert company.holders(OF_ZELDA | OF_YORICK) == {}
    assert json.loads((folder / MANIFEST).read_text())["erased"] == erasure.erased(company.settings)
