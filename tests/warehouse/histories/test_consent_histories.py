"""Nobody is written to who said no: 10,000 random histories of consents over builds, landings, rollback and export."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.support.builds.project import make_project, run_in
from tests.support.builds.quick import TABLES_ONLY
from tests.support.companies.consents import CHANNELS, Person, allows, histories, objects

pytestmark = pytest.mark.slow
PEOPLE, PHASES, SEED = 10_000, 2, 20260331
SOURCE = """\
description: A company with customers, orders and consents, which sends files.
kind: files
location: ${COMPANY}
schedule: none
currency: EUR
time_zone: UTC
history: complete
first_interval_start: 2022-01-01
tables:
  customers:
    file: customers*.csv
    format: csv
    load: append
    key: [cid]
    cursor: updated_at
    event_time: updated_at
    deleted: gone
    personal: [name, email]
    volume: null
  orders: {file: orders*.csv, format: csv, load: append, key: [oid], event_time: at, volume: null}
  consents:
    file: consents*.csv
    format: csv
    load: append
    key: [cid, channel, purpose, at]
    event_time: at
    volume: null
"""
STAGING = {
    "customers": """{{ stage('customers', landed('customers'), columns={
        'source_customer_id': 'cid', 'full_name': 'name', 'email': 'email', 'street': "cid || ' Orchid Lane'",
        'created_at': 'updated_at'
    }) }}""",
    "orders": """{{ stage('orders', landed('orders'), columns={
        'order_id': 'oid', 'source_customer_id': 'cid', 'total_amount': 'amount', 'ordered_at': '"at"'
    }) }}""",
    "consents": """{{ stage('consents', landed('consents'), columns={
        'source_customer_id': 'cid', 'channel': 'channel', 'purpose': 'purpose', 'status': 'status',
        'changed_at': '"at"'
    }) }}""",
}
# Nearly everybody is in its audience, and nobody is held back.
CAMPAIGN = """\
owner: marketing
objective: win_back
definition: Customers who had brought more than the average customer.
channels: [email, post]
priority: 1
control_share: 0 %
audience:
  - {in: had brought more than the average customer, when: is_above_average}
  - {out: had brought less than the average customer}
columns: [reason]
"""
BUILD = """
import sys
from pipeline.audit.gate import audit_landing, audit_marts
from pipeline.landing import land_source
from pipeline.outputs.lists import export_lists
from pipeline.serving.publish import publish
from pipeline.base.settings import load_settings
from pipeline.build.owner import begin_build
from pipeline.build.plan import load_plan
from pipeline.build import dbt
from pipeline.build import features
from mining import jobs
from mining.registry import JOBS

settings = load_settings()
land_source(settings, "company")
begin_build(settings, "test")
audit_landing(settings)
dbt.run_layers(settings, *dbt.BEFORE_MINING)
features.export_features(settings)
as_of, sources = load_plan(settings).as_of, settings.sources
jobs.train_models(settings, as_of=as_of, sources=sources)
scores = [jobs.score(job, settings, as_of=as_of, sources=sources) for job in JOBS]
dbt.run_layers(settings, "marts", scored=scores)
audit_marts(settings)
print(publish(settings))
"""
SETTINGS = "from pipeline.base.settings import load_settings; settings = load_settings(); "
LAND = SETTINGS + "from pipeline.landing import land_source; land_source(settings, 'company')"
EXPORT = SETTINGS + "from pipeline.outputs.lists import export_lists; print(export_lists(settings)[0])"
ROLLBACK = SETTINGS + "from pipeline.serving.rollback import rollback; rollback(settings, '{}')"


@dataclass(frozen=True)
class Company:
    """The project, the folder that the company delivers to, its warehouse, its people."""

    project: Path
    folder: Path
    home: Path
    people: list[Person]

    def run(self, program: str) -> str:
        """Run Python in the project; return the last line that it prints."""
        settings = {
            "COMPANY": self.folder,
            "CRM_HOME": self.home,
            "CRM_SOURCES": "company",
            "CRM_UNIVERSAL_CONTROL_SHARE": "0",
            **TABLES_ONLY,
        }
        return (run_in(self.project, program, **settings).strip().splitlines() or [""])[-1]

    def deliver(self, name: str, header: str, rows: list[list[object]]) -> None:
        """Write a file."""
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header.split(), *rows])

    def deliver_phase(self, phase: int) -> None:
        """Write what is said, and who is deleted, in a phase."""
        day = f"2024-{6 * phase + 1:02d}-01 00:00:00"
        rows = [
            [r.customer, r.channel, r.purpose, r.status, r.at] for person in self.people for r in person.rows[phase]
        ]
        self.deliver(f"consents{phase}.csv", "cid channel purpose status at", rows)
        known = [person for person in self.people if phase == 0 or person.deleted_in == phase]
        customers = [
            [p.number, f"Person {p.number}", f"{p.number}@mail.example", int(p.deleted_in == phase), day] for p in known
        ]
        if phase == 0:  # who is deleted at once was there before
            customers += [
                [p.number, f"Person {p.number}", f"{p.number}@mail.example", 0, "2023-01-01 00:00:00"]
                for p in known
                if p.deleted_in == 0
            ]
        self.deliver(f"customers{phase}.csv", "cid name email gone updated_at", customers)

    def listed(self, path: str) -> list[dict[str, str]]:
        """Rows of an exported list."""
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


@dataclass(frozen=True)
class Stages:
    """What was published and exported at each stage."""

    company: Company
    permissions: dict[int, dict[tuple[str, str], bool]]
    lists: dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """Build; land without a build; build; roll back; export after each."""
    folder = tmp_path_factory.mktemp("consents")
    company = Company(
        make_project(folder, "company", SOURCE, STAGING),
        folder / "company",
        folder / "home",
        histories(PEOPLE, PHASES, SEED),
    )
    company.folder.mkdir()
    for path in (company.project / "campaigns").glob("*.yml"):
        path.unlink()
    (company.project / "campaigns" / "everybody.yml").write_text(CAMPAIGN, encoding="utf-8")
    # Everybody bought three times, and nearly all brought more than the average customer.
    orders = [
        [
            f"o{number}-{person.number}",
            person.number,
            2 if person.number.endswith("7") else 90,
            f"2023-0{number}-11 10:00:00",
        ]
        for person in company.people
        for number in (1, 2, 3)
    ]
    company.deliver("orders.csv", "oid cid amount at", orders)
    permissions, lists = {}, {}
    company.deliver_phase(0)
    first = company.run(BUILD)
    permissions[0] = published(company)
    lists["first build"] = company.listed(company.run(EXPORT))
    company.deliver_phase(1)
    company.run(LAND)
    lists["landed, not built"] = company.listed(company.run(EXPORT))
    company.run(BUILD)
    permissions[1] = published(company)
    lists["second build"] = company.listed(company.run(EXPORT))
    company.run(ROLLBACK.format(first))
    lists["rolled back"] = company.listed(company.run(EXPORT))
    yield Stages(company, permissions, lists)


def published(company: Company) -> dict[tuple[str, str], bool]:
    """Permission by customer number and channel, of the published release."""
    folder = company.home / "serving" / "current"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder / 'perennial.duckdb'}' as release (read_only)")
        connection.execute(f"attach '{folder / 'contacts.duckdb'}' as contacts (read_only)")
        rows = connection.execute(
            "select source_customer_id, channel, is_allowed from release.core.customer_permission"
            " join contacts.customer_source_id using (customer_id)"
        ).fetchall()
    return {(number, channel): is_allowed for number, channel, is_allowed in rows}


def may_be_listed(person: Person, phase: int, channel: str) -> bool:
    """What the rule says."""
    said = person.said(phase)
    return not person.is_deleted(phase) and not objects(said) and allows(said, channel)


@pytest.mark.parametrize("phase", range(PHASES))
def test_the_release_says_of_everybody_what_the_rule_says(stages: Stages, phase: int) -> None:
    expected = {
        (person.number, channel): may_be_listed(person, phase, channel)
        for person in stages.company.people
        for channel in CHANNELS
    }
    found = stages.permissions[phase]
    differing = {
        key: (found.get(key, False), right) for key, right in expected.items() if found.get(key, False) != right
    }
    assert differing == {}


STAGES = [("first build", 0), ("landed, not built", 1), ("second build", 1), ("rolled back", 1)]


@pytest.mark.parametrize(("stage", "phase"), STAGES)
def test_nobody_is_listed_who_said_no(stages: Stages, stage: str, phase: int) -> None:
    people = {person.number: person for person in stages.company.people}
    rows = stages.lists[stage]
    assert len(rows) > PEOPLE / 20
    for row in rows:
        person = people[row["source_customer_id"]]
        by_email, by_post = (may_be_listed(person, phase, channel) for channel in ("email", "mail"))
        assert by_email or by_post, person
        assert bool(row["email"]) <= by_email, person
        assert [row[f"can_{channel}"] for channel in ("email", "post")] == [
            "yes" if allowed else "no" for allowed in (by_email, by_post)
        ] or stage in ("landed, not built", "rolled back")


@pytest.mark.parametrize(("stage", "phase"), STAGES)
def test_everybody_is_listed_who_was_in_the_release_and_still_says_yes(stages: Stages, stage: str, phase: int) -> None:
    of_release = 1 if stage == "second build" else 0
    listed = {row["source_customer_id"] for row in stages.lists[stage]}
    expected = {
        person.number
        for person in stages.company.people
        if not person.number.endswith("7")  # brought less than the average customer
        and any(
            may_be_listed(person, of_release, channel) and may_be_listed(person, phase, channel)
            for channel in ("email", "mail")
        )
    }
    assert listed == expected
