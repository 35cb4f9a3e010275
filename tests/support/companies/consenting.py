"""A company with customers, orders, consents and campaigns, which goes through builds, landings and exports."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.support.builds.project import run_in
from tests.support.builds.quick import TABLES_ONLY
from tests.support.companies.consents import Person

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
  campaigns: {file: campaigns*.csv, format: csv, load: append, key: [code], event_time: at, volume: null}
  responses: {file: responses*.csv, format: csv, load: append, key: [rid], event_time: at, volume: null}
  sent: {file: sent*.csv, format: csv, load: append, key: [code, cid], event_time: at, volume: null}
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
    "campaigns": """{{ stage('campaigns', landed('campaigns'), columns={
        'campaign_id': 'code', 'channel': 'channel', 'start_date': '"at"'
    }) }}""",
    "campaign_contacts": """{{ stage('campaign_contacts', landed('sent'), columns={
        'campaign_id': 'code', 'source_customer_id': 'cid', 'arm': 'arm', 'sent_at': '"at"'
    }) }}""",
    "campaign_responses": """{{ stage('campaign_responses', landed('responses'), columns={
        'response_id': 'rid', 'campaign_id': 'code', 'source_customer_id': 'cid', 'kind': 'kind',
        'responded_at': '"at"'
    }) }}""",
}
# Nearly everybody is in the audience of one of them, and only the third one holds customers back.
CAMPAIGN = """\
owner: marketing
objective: {objective}
definition: {what}.
channels: [{channels}]
priority: 1
control_share: {held}
horizon_days: 14
audience:
  - {{in: {what}, when: {when}}}
  - {{out: all others}}
columns: [reason]
"""
CAMPAIGNS = {
    "everybody": {"objective": "win_back", "what": "above average", "channels": "email, post", "held": "0 %",
                  "when": "is_above_average"},
    "people": {"objective": "win_back", "what": "below average", "channels": "email", "held": "0 %",
               "when": "not is_above_average and purchases > 2"},
    "tea": {"objective": "second_purchase", "what": "bought once", "channels": "email", "held": "30 %",
            "when": "purchases = 1"},
}  # fmt: skip
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
EXPORT = SETTINGS + "from pipeline.outputs.lists import export_lists; print(export_lists(settings)[0].parent)"
CHECK = (
    SETTINGS
    + """
from pipeline.base.errors import UserError
from pipeline.outputs.lists.verify import check_list
try:
    check_list(settings, "{}")
except UserError as error:
    print(error)
"""
)
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

    def export(self) -> dict[str, list[dict[str, str]]]:
        """Export the lists; return their rows."""
        return {path.stem: rows_of(path) for path in sorted(Path(self.run(EXPORT)).glob("*.csv"))}

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """Query what is published."""
        folder = self.home / "serving" / "current"
        with duckdb.connect() as connection:
            connection.execute(f"attach '{folder / 'perennial.duckdb'}' as release (read_only)")
            connection.execute(f"attach '{folder / 'contacts.duckdb'}' as contacts (read_only)")
            return connection.execute(query).fetchall()


def rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of an exported list."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
