"""Ids that releases have published: after a merge, a decision, an un-merge and a re-merge each still means somebody."""

import csv
import random
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from pipeline.base.duck import connect
from pipeline.base.files import DamagedError, write_json
from pipeline.base.settings import Settings, load_settings, sources_in
from pipeline.build.dbt import build_variables, given
from pipeline.build.decisions import COLUMNS as DECISION
from pipeline.build.decisions import decided
from pipeline.build.models import Models
from pipeline.build.plan import Plan, make_plan
from pipeline.landing import land_source
from pipeline.serving.identity_ledger import published_changes, record_changes
from tests.warehouse.test_identity import COLUMNS as PERSON
from tests.warehouse.test_identity import SOURCE, STAGING

SALES = """\
  sales:
    file: "sales_*.csv"
    format: csv
    load: append
    key: [receipt]
    event_time: at
    columns: [receipt, buyer, amount, at]
"""
ORDERS = """\
{{ stage('orders', landed('sales'), columns={
    'order_id': 'receipt', 'source_customer_id': 'buyer', 'total_amount': 'amount', 'ordered_at': '"at"',
}) }}
"""
SALE = ("receipt", "buyer", "amount", "at")
NET_SALES = 21  # column of fct_order
TABLES = ("bridge_customer_source", "customer_id_history")
# Two women of one name, a mother and her daughter, and Ben.
ANA = {"number": "ana", "given": "Ana", "family": "Silva", "email": "ana@mail.example"}
ANNA = {"number": "anna", "given": "Ana", "family": "Silva", "phone": "9123 4567"}
BEN = {"number": "ben", "given": "Ben", "family": "Tan", "phone": "8123 4567"}
# A record that links the two.
BOTH = {"number": "both", "given": "Ana", "family": "Silva", "email": "ana@mail.example", "phone": "9123 4567"}
AMOUNTS = {"ana": "10.01", "anna": "20.02", "ben": "40.04", "both": "80.08"}


def customer(number: str, system: str = "till") -> str:
    """The id that a record founds."""
    return f"c_{md5(f'{system}|{number}'.encode()).hexdigest()[:16]}"


def decision(what: str, one: str, other: str) -> dict[str, str]:
    values = (what, "till", one, "till", other, "Olga", "she called", "2024-03-06")
    return dict(zip(DECISION, values, strict=True))


@dataclass
class Company:
    """A till, its files, and what is built of them, without dbt."""

    settings: Settings

    def deliver(self, day: int, *people: dict[str, str]) -> None:
        """Each of the people is a record that was seen on that day, and buys."""
        folder = self.settings.home / "shop" / "till"
        folder.mkdir(parents=True, exist_ok=True)
        at = f"2024-03-{day:02} 12:00:00"
        self._write(folder / f"people_{day:02}.csv", PERSON, [{"at": at, **record} for record in people])
        sales = [
            {"receipt": f"{day}-{number}", "buyer": number, "amount": AMOUNTS[number], "at": at}
            for number in (record["number"] for record in people)
        ]
        self._write(folder / f"sales_{day:02}.csv", SALE, sales)

    def decide(self, *decisions: dict[str, str]) -> None:
        self._write(self.settings.identity_decisions, DECISION, list(decisions))

    def _write(self, path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    def plan(self) -> Plan:
        land_source(self.settings, "till")
        return make_plan(self.settings)

    def build(self, plan: Plan, *tables: str) -> dict[str, list[Any]]:
        """Return the rows of some tables, in order."""
        variables = {**build_variables(self.settings, plan), "new_files": None}
        with pytest.MonkeyPatch.context() as patch, closing(connect()) as connection:
            _, environment = given(self.settings.build, variables)
            patch.setenv("CRM_BUILD", environment["CRM_BUILD"])
            return rows_of(self.settings, Models(connection, variables), *tables)

    def publish(self) -> dict[str, list[Any]]:
        """Build, and record in the ledger what a release of it publishes."""
        plan = self.plan()
        tables = self.build(plan, *TABLES, "fct_order")
        record_changes(self.settings, plan.release_id, plan.as_of_date, plan.sources)
        return tables


def rows_of(settings: Settings, models: Models, *tables: str) -> dict[str, list[Any]]:
    """Make tables, put the records of customers into a warehouse for the ledger, and return the rows of the tables."""
    for table in tables:
        models.make(table)
    settings.warehouse.unlink(missing_ok=True)
    models.connection.execute(f"attach '{settings.warehouse}' as warehouse; create schema warehouse.core")
    models.connection.execute("create table warehouse.core.bridge_customer_source as from bridge_customer_source")
    models.connection.execute("detach warehouse")
    return {table: models.connection.execute(f"from {table} order by all").fetchall() for table in tables}


def translations(tables: dict[str, list[Any]]) -> dict[str, list[tuple[str, str]]]:
    """What each id of any release means today: customers, and the kind of each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for old, now, kind, *_ in tables["customer_id_history"]:
        found.setdefault(old, []).append((now, kind))
    return found


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The sources are a till alone."""
    folder = tmp_path_factory.mktemp("project")
    staging = folder / "staging" / "till"
    staging.mkdir(parents=True)
    (folder / "sources").mkdir()
    (folder / "sources" / "till.yml").write_text(SOURCE.replace("NAME", "till") + SALES, encoding="utf-8")
    (staging / "stg_till__customers.sql").write_text(STAGING, encoding="utf-8")
    (staging / "stg_till__orders.sql").write_text(ORDERS, encoding="utf-8")
    with sources_in(folder):
        yield


@pytest.fixture
def company(till: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setenv("SHOP", str(tmp_path / "shop"))
    return Company(load_settings({"CRM_HOME": str(tmp_path), "CRM_SOURCES": "till"}))


def test_a_merge_an_unmerge_and_a_remerge(company: Company) -> None:
    """Facts follow, to the cent, and each id that was published means today's customers."""
    company.deliver(4, ANA, ANNA, BEN)
    apart = company.publish()
    assert [kind for means in translations(apart).values() for _, kind in means] == ["current"] * 3

    company.deliver(5, BOTH)
    merged = company.publish()
    ids = {customer("ana"), customer("anna")}
    (kept,) = ids & {row[1] for row in merged["bridge_customer_source"] if row[8]}
    (alias,) = ids - {kept}
    assert translations(merged)[alias] == [(kept, "merged")]
    assert sold(merged)[kept] == Decimal("110.11")

    company.deliver(6, BEN)
    company.decide(decision("never", "ana", "anna"))
    unmerged = company.publish()
    first_day = {order: owner for order, owner in owners(unmerged).items() if order in owners(apart)}
    assert first_day == owners(apart), "both histories are restored"
    assert sold(unmerged)[customer("ana")] + sold(unmerged)[customer("anna")] == Decimal("110.11")
    assert translations(unmerged)[alias] == [(alias, "current"), (alias, "current")]
    assert sorted(translations(unmerged)[kept]) == sorted([(kept, "current"), (alias, "split")])
    # Of the first day the kept id means one of them alone; of the second, both.
    of_days = [meant_on(unmerged, kept, day) for day in ("2024-03-04", "2024-03-05", "2024-03-06")]
    assert of_days == [{kept}, {kept, alias}, {kept}]

    company.deliver(7, BEN)
    company.decide(decision("never", "ana", "anna"), decision("same", "anna", "ana"))
    again = company.publish()
    assert {order: owner for order, owner in owners(again).items() if order in owners(merged)} == owners(merged)
    assert {now for now, _ in translations(again)[alias]} == {now for now, _ in translations(again)[kept]} == {kept}
    assert meant_on(again, alias, "2024-03-06") == {kept}
    assert len(list((company.settings.ledger / "identity").iterdir())) == 4


def test_a_publish_that_dies_after_the_ledger_is_the_same_when_it_is_repeated(company: Company) -> None:
    company.deliver(4, ANA, ANNA)
    company.publish()
    company.deliver(5, BOTH)
    plan = company.plan()
    tables = company.build(plan, *TABLES)
    record_changes(company.settings, plan.release_id, plan.as_of_date, plan.sources)
    written = published_changes(company.settings, ["till"])
    # Here it dies: no link was replaced. The next run plans the same release, and writes nothing twice.
    repeated = company.plan()
    assert repeated == plan
    assert company.build(repeated, *TABLES) == tables
    record_changes(company.settings, plan.release_id, plan.as_of_date, plan.sources)
    assert published_changes(company.settings, ["till"]) == written
    # Or other data come first: the ids that nobody saw count as published, and mean the same.
    company.deliver(6, BEN)
    later = company.plan()
    assert later.identity_ledger == [str(each.path) for each in written]
    found = company.build(later, *TABLES)
    assert translations(found) == {**translations(tables), customer("ben"): [(customer("ben"), "current")]}


def test_files_in_another_order_and_grouping_and_the_same_ledger_give_the_same_ids_and_facts(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.deliver(4, ANA, ANNA, BEN)
    company.publish()
    company.deliver(5, BOTH)
    tables = company.build(company.plan(), *TABLES, "fct_order")

    monkeypatch.setenv("SHOP", str(tmp_path / "other" / "shop"))
    other = Company(load_settings({"CRM_HOME": str(tmp_path / "other"), "CRM_SOURCES": "till"}))
    shop = tmp_path / "other" / "shop" / "till"
    shop.mkdir(parents=True)
    for kind in ("people", "sales"):
        files = sorted((tmp_path / "shop" / "till").glob(f"{kind}_*.csv"))
        header, lines = "", []
        for path in files:
            header, *rows = path.read_text(encoding="utf-8").splitlines()
            lines += rows
        (shop / f"{kind}_all.csv").write_text("\n".join([header, *reversed(lines)]) + "\n", encoding="utf-8")
    shutil.copytree(company.settings.ledger, other.settings.ledger)
    again = other.build(other.plan(), *TABLES, "fct_order")
    # When a record was first seen, the last column, follows from the file that has it.
    assert [row[:-1] for row in again[TABLES[0]]] == [row[:-1] for row in tables[TABLES[0]]]
    assert again[TABLES[1]] == tables[TABLES[1]]
    assert owners(again) == owners(tables)
    assert sold(again) == sold(tables)


def test_the_ledger_holds_hashes_and_a_damaged_file_of_it_is_named(company: Company) -> None:
    company.deliver(4, ANA)
    company.publish()
    (known,) = published_changes(company.settings, ["till"])
    with closing(connect()) as connection:
        (row,) = connection.execute("from read_parquet($1)", [str(known.path)]).fetchall()
    assert customer("ana") in row
    assert "ana" not in str(row).lower(), "neither the source's number nor what it says of a person"
    known.path.write_bytes(known.path.read_bytes()[:-9])
    with pytest.raises(DamagedError, match=re.escape(str(known.path))):
        company.plan()


def owners(tables: dict[str, list[Any]]) -> dict[str, str]:
    """The customer of each order."""
    return {row[0]: row[1] for row in tables["fct_order"]}


def sold(tables: dict[str, list[Any]]) -> dict[str, Decimal]:
    """Net sales by customer."""
    found: dict[str, Decimal] = {}
    for row in tables["fct_order"]:
        found[row[1]] = found.get(row[1], Decimal(0)) + row[NET_SALES]
    return found


def meant_on(tables: dict[str, list[Any]], customer_id: str, day: str) -> set[str]:
    """The customers of today that an id of a past day means."""
    return {
        now
        for old, now, _, _, valid_from, valid_to in tables["customer_id_history"]
        if old == customer_id and valid_from <= date.fromisoformat(day) < valid_to
    }


# Who is a customer, told by records and links alone: no landing, a tenth of a second for each release.
Links = list[tuple[str, str]]


@dataclass
class Numbered:
    """Records that are linked and published; `published` has the day, and which customer each record was."""

    settings: Settings
    published: list[tuple[str, dict[str, str]]]

    def publish(
        self, records: Sequence[str], links: Links, decisions: Sequence[dict[str, str]], day: str
    ) -> dict[str, list[Any]]:
        """Build and publish. Every fourth time: rows in another order and clusters of other names change nothing."""
        built = self.build(records, links, decisions, day)
        if len(self.published) % 4 == 3:
            assert self.build(records, links, decisions, day, renamed=True) == built
        number = len(self.published) + 1
        record_changes(self.settings, f"{day}-{number:012x}", day, ["till"])
        now = {row[0]: row[1] for row in built["bridge_customer_source"] if row[8]}
        self.published.append((day, {number: now[key_of(number)] for number in records}))
        return built

    def build(
        self,
        records: Sequence[str],
        links: Links,
        decisions: Sequence[dict[str, str]],
        day: str,
        *,
        renamed: bool = False,
    ) -> dict[str, list[Any]]:
        files = [str(each.path) for each in published_changes(self.settings, ["till"])]
        variables = {
            "as_of_date": day,
            "seen_before": "2100-01-01",
            "new_files": None,
            "release": {"sources": ["till"]},
            "releases": [{"as_of_date": past} for past, _ in self.published],
            "identity_ledger": files,
            "identity_decisions": decided(decisions),
        }
        with pytest.MonkeyPatch.context() as patch, closing(connect()) as connection:
            write_json(self.settings.build / "variables.json", variables)
            patch.setenv("CRM_BUILD", str(self.settings.build / "variables.json"))
            models = Models(connection, variables)
            connection.execute(
                "create table int_customer_records as select 'till' as source_system, number as source_customer_id,"
                " md5('till|' || number) as source_record_key, null::timestamp as first_seen_at"
                " from (select unnest($1) as number)",
                [list(records)],
            )
            connection.execute(
                "create table int_customer_links as select least(a, b) as source_record_key,"
                " greatest(a, b) as other_record_key, 'email' as match_rule"
                " from (select md5('till|' || unnest($1)) as a, md5('till|' || unnest($2)) as b)",
                [[one for one, _ in links], [other for _, other in links]],
            )
            models.made |= {"int_customer_records", "int_customer_links"}
            if renamed:
                models.make("int_identity_pairs")
                connection.execute(
                    "create or replace table int_identity_pairs as select * replace (md5(cluster_key) as cluster_key,"
                    " md5(other_cluster_key) as other_cluster_key) from int_identity_pairs order by hash(columns(*))"
                )
            return rows_of(self.settings, models, *TABLES)


def key_of(number: str) -> str:
    return md5(f"till|{number}".encode()).hexdigest()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_id_ever_means_anybody_else(till: None, tmp_path: Path, seed: int) -> None:
    """Records come, go and come back; links come and go, as with another model; people decide, and take it back."""
    dice = random.Random(seed)
    company = Numbered(load_settings({"CRM_HOME": str(tmp_path), "CRM_SOURCES": "till"}), [])
    names, decisions = [f"{number}" for number in range(14)], []
    for number in range(8):
        day = f"2024-03-{number - dice.randint(0, number % 2) + 1:02}"  # some days have two releases
        records = sorted(dice.sample(names, dice.randint(9, 14)))
        links = [tuple(sorted(dice.sample(records, 2))) for _ in range(dice.randint(0, 7))]
        one, other = sorted(dice.sample(names, 2))
        if dice.random() < 0.5 and not any({one, other} & {row[DECISION[2]], row[DECISION[4]]} for row in decisions):
            decisions.append(decision(dice.choice(("same", "never")), one, other))
        elif decisions:
            decisions.pop(dice.randrange(len(decisions)))
        tables = company.publish(records, links, decisions, day)
        _, now = company.published[-1]
        owners_now = {customer_id: {n for n in now if now[n] == customer_id} for customer_id in now.values()}
        for customer_id, members in owners_now.items():
            assert customer_id in {customer(number) for number in members}, "an id means the customer of its record"
        for row in decisions:
            pair = (now.get(row[DECISION[2]]), now.get(row[DECISION[4]]))
            assert None in pair or (pair[0] == pair[1]) == (row["decision"] == "same")
        known = {customer_id for _, customers in company.published for customer_id in customers.values()}
        assert set(translations(tables)) == known, "every id of any release translates"
        keys = [(old, meant, valid_from) for old, meant, _, _, valid_from, _ in tables["customer_id_history"]]
        assert len(keys) == len(set(keys))
        days = [past for past, _ in company.published]
        for past, customers in company.published:
            for customer_id in set(customers.values()):
                held = {now[record] for record in customers if customers[record] == customer_id and record in now}
                meant = meant_on(tables, customer_id, past) - {"unknown"}
                assert held <= meant, (customer_id, past)
                assert held == meant or days.count(past) > 1, (customer_id, past)
