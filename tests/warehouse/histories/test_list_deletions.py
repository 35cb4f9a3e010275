"""Whoever is deleted, objects or is erased at the source is in no next list, and no list brings them back.

A small company goes through the pipeline: a release, a landing without a build, a second release, a rollback. In the
second release a record that was drawn for the other arm turns out to be Ana, too.
"""

import csv
import os
from pathlib import Path

import duckdb
import pytest

from tests.support.builds.project import make_project
from tests.warehouse.histories.test_consent_histories import (
    BUILD,
    CAMPAIGN,
    EXPORT,
    LAND,
    ROLLBACK,
    SETTINGS,
    SOURCE,
    STAGING,
    Company,
)

pytestmark = pytest.mark.slow
GONE = ("deleted", "objecting", "withdrawn", "suppressed", "dead", "unreadable", "bounced", "unsubscribed", "erased")
STAY = ("ana", "ben", "cleo")
CAMPAIGNS = """\
  campaigns: {file: campaigns*.csv, format: csv, load: append, key: [code], event_time: at, volume: null}
  responses: {file: responses*.csv, format: csv, load: append, key: [rid], event_time: at, volume: null}
  sent: {file: sent*.csv, format: csv, load: append, key: [code, cid], event_time: at, volume: null}
"""
OF_CAMPAIGNS = {
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
SAID = [
    ["objecting", "all", "profiling", "withdrawn"],
    ["withdrawn", "email", "marketing", "withdrawn"],
    ["suppressed", "email", "marketing", "Do not contact"],
    ["dead", "mail", "marketing", "deceased"],
    ["unreadable", "email", "marketing", "perhaps"],
]


def listed(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["source_customer_id"].partition(";")[0] for row in csv.DictReader(file)}


def asked(company: Company, query: str) -> set[str]:
    """First column of a query on what is published."""
    folder = company.home / "serving" / "current"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder / 'perennial.duckdb'}' as release (read_only)")
        connection.execute(f"attach '{folder / 'contacts.duckdb'}' as contacts (read_only)")
        return {str(value) for (value, *_) in connection.execute(query).fetchall()}


def of_ana(company: Company) -> str:
    """The customer_id of Ana, on which her arms depend."""
    (found,) = asked(
        company, "select customer_id from contacts.customer_source_id where source_customer_id in ('ana', 'ana2')"
    )
    return found


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Who is in the list of each stage, and in `check` why the first list may not be used any more."""
    folder = tmp_path_factory.mktemp("deletions")
    project = make_project(folder, "company", SOURCE + CAMPAIGNS, STAGING | OF_CAMPAIGNS)
    company = Company(project, folder / "company", folder / "home", [])
    company.folder.mkdir()
    for path in (project / "campaigns").glob("*.yml"):
        path.unlink()
    everybody = CAMPAIGN.replace("is_above_average", "purchases > 0").replace("[email, post]", "[email]")
    (project / "campaigns" / "everybody.yml").write_text(everybody, encoding="utf-8")
    people = [*GONE, *STAY]
    orders = [[f"{n}-{name}", name, 20 + n, f"2023-0{n}-11 10:00:00"] for name in people for n in (1, 2, 3)]
    company.deliver("orders.csv", "oid cid amount at", orders)
    known = [[name, name.title(), f"c-{name}@mail.example", 0, "2023-01-01 00:00:00"] for name in people]
    company.deliver("customers0.csv", "cid name email gone updated_at", known)
    granted = [[name, "email", "marketing", "granted", "2023-01-02 10:00:00"] for name in people]
    company.deliver("consents0.csv", "cid channel purpose status at", granted)
    company.deliver("campaigns0.csv", "code channel at", [["spring", "email", "2023-01-02"]])
    company.deliver("responses0.csv", "rid code cid kind at", [["r0", "spring", "ana", "click", "2023-03-02 10:00:00"]])
    sent = [["spring", "ana", "treated"], ["spring", "ben", "control"], ["spring", "cleo", "treated"]]
    company.deliver("sent0.csv", "code cid arm at", [[*each, "2023-01-05 10:00:00"] for each in sent])
    first = company.run(BUILD)
    found_before = of_ana(company)
    found = {"first build": listed(Path(company.run(EXPORT)))}
    kept = folder / "kept"
    kept.mkdir()
    for path in (company.home / "lists" / first).glob("everybody.*"):
        (kept / path.name).write_bytes(path.read_bytes())

    changed = [["deleted", "", "", 1], ["ana2", "Ana", "c-ana@mail.example", 0]]
    company.deliver(
        "customers1.csv", "cid name email gone updated_at", [[*each, "2023-04-01 00:00:00"] for each in changed]
    )
    company.deliver("sent1.csv", "code cid arm at", [["spring", "ana2", "control", "2023-01-05 10:00:00"]])
    said = [[*words, "2023-04-01 10:00:00"] for words in SAID]
    company.deliver("consents1.csv", "cid channel purpose status at", said)
    back = [["r1", "spring", "bounced", "hard_bounce"], ["r2", "spring", "unsubscribed", "unsubscribe"]]
    company.deliver("responses1.csv", "rid code cid kind at", [[*each, "2023-04-01 10:00:00"] for each in back])
    company.run(LAND)
    found["landed, not built"] = listed(Path(company.run(EXPORT)))
    found["check"] = {company.run(CHECK.format(kept / "everybody.csv"))}

    for sibling in (company.home / "landing").rglob("*.personal.parquet"):
        main, new = str(sibling).replace(".personal.parquet", ".parquet"), f"{sibling}.new"
        blanked = ", ".join(f"case when main.cid <> 'erased' then {name} end as {name}" for name in ("name", "email"))
        rows = f"select _position, {blanked} from '{sibling}' join '{main}' as main using (_position)"
        duckdb.sql(f"copy ({rows}) to '{new}' (format parquet)")
        os.replace(new, sibling)
    company.run(BUILD)
    found["of Ana"] = {found_before, of_ana(company)}
    found["both arms"] = asked(company, "select both_arms_customers from release.marts.campaign_performance")
    found["second build"] = listed(Path(company.run(EXPORT)))
    company.run(ROLLBACK.format(first))
    found["rolled back"] = listed(Path(company.run(EXPORT)))
    return found


def test_before_anybody_goes_everybody_is_listed(stages: dict[str, set[str]]) -> None:
    assert stages["first build"] == {*GONE, *STAY}


def test_a_list_of_the_release_before_leaves_out_who_went_since(stages: dict[str, set[str]]) -> None:
    assert stages["landed, not built"] == {"erased", *STAY}


@pytest.mark.parametrize("stage", ["second build", "rolled back"])
def test_nobody_who_went_comes_back(stages: dict[str, set[str]], stage: str) -> None:
    assert stages[stage] == {*STAY}


def test_the_list_that_was_exported_before_is_refused(stages: dict[str, set[str]]) -> None:
    (said,) = stages["check"]
    assert "was exported before the newest data landed" in said


def test_a_merged_customer_keeps_its_id_and_counts_for_neither_arm(stages: dict[str, set[str]]) -> None:
    assert len(stages["of Ana"]) == 1
    assert stages["both arms"] == {"1"}
