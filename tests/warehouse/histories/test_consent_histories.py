"""Nobody is written to who said no: random histories of consents over builds, landings, rollback and export.

10,000 people with histories that are drawn, some with a history that is told, and 240 of whom an export holds back a
part: the mail tool says whom it wrote to, and nothing of the others. A release, a landing without a build, a second
release, a rollback, with an export after each.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pytest

from tests.support.builds.project import make_project
from tests.support.companies.consenting import (
    BUILD,
    CAMPAIGN,
    CAMPAIGNS,
    CHECK,
    LAND,
    ROLLBACK,
    SOURCE,
    STAGING,
    Company,
)
from tests.support.companies.consents import CHANNELS, Person, allows, histories, objects

pytestmark = pytest.mark.slow
PEOPLE, PHASES, SEED = 10_000, 2, 20260331
GONE = ("deleted", "objecting", "withdrawn", "suppressed", "dead", "unreadable", "bounced", "unsubscribed", "erased")
STAY = ("ana", "ben", "cleo")
ONCE = [f"x{number:03d}" for number in range(240)]
"""They bought once, and a campaign holds 30 % of them back."""
SAID = [
    ["objecting", "all", "profiling", "withdrawn"],
    ["withdrawn", "email", "marketing", "withdrawn"],
    ["suppressed", "email", "marketing", "Do not contact"],
    ["dead", "mail", "marketing", "deceased"],
    ["unreadable", "email", "marketing", "perhaps"],
]
BEFORE, SINCE = "2023-01-02 10:00:00", "2024-04-01 10:00:00"
STAGES = [("first build", 0), ("landed, not built", 1), ("second build", 1), ("rolled back", 1)]


@dataclass
class Stages:
    """What was published and exported at each stage."""

    company: Company
    permissions: dict[int, dict[tuple[str, str], bool]] = field(default_factory=dict)
    lists: dict[str, dict[str, list[dict[str, str]]]] = field(default_factory=dict)
    ids_of_ana: list[str] = field(default_factory=list)
    check: str = ""
    assigned: dict[str, str] = field(default_factory=dict)
    performance: dict[str, tuple[Any, ...]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
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
    for name, said in CAMPAIGNS.items():
        (company.project / "campaigns" / f"{name}.yml").write_text(CAMPAIGN.format(**said), encoding="utf-8")
    found = Stages(company)
    company.deliver_phase(0)
    deliver_told_before(company)
    first = company.run(BUILD)
    found.permissions[0] = published(company)
    found.ids_of_ana += ids_of_ana(company)
    found.lists["first build"] = company.export()
    kept = folder / "kept"
    kept.mkdir()
    for path in (company.home / "lists" / first).glob("people.*"):
        (kept / path.name).write_bytes(path.read_bytes())
    found.assigned = assigned(company)

    company.deliver_phase(1)
    deliver_told_since(company, found.assigned)
    company.run(LAND)
    found.lists["landed, not built"] = company.export()
    found.check = company.run(CHECK.format(kept / "people.csv"))
    erase(company, "erased")
    company.run(BUILD)
    found.permissions[1] = published(company)
    found.ids_of_ana += ids_of_ana(company)
    found.lists["second build"] = company.export()
    found.performance = {
        row[0]: row[1:]
        for row in company.asked(
            "select campaign_id, is_randomised, treated_customers, control_customers, both_arms_customers,"
            " incremental_conversion, sample_ratio_p_value, reached_customers"
            " from release.marts.campaign_performance"
        )
    }
    company.run(ROLLBACK.format(first))
    found.lists["rolled back"] = company.export()
    return found


def deliver_told_before(company: Company) -> None:
    """Deliver everybody's orders, and the customers whose history is told."""
    # Everybody of the random histories bought three times, and nearly all brought more than the average customer.
    orders = [
        [f"o{number}-{each.number}", each.number, 2 if each.number.endswith("7") else 90, f"2023-0{number}-11 10:00:00"]
        for each in company.people
        for number in (1, 2, 3)
    ]
    told = [*GONE, *STAY]
    orders += [[f"{n}-{name}", name, 20 + n, f"2023-0{n}-11 10:00:00"] for name in told for n in (1, 2, 3)]
    orders += [[f"1-{name}", name, 20, "2023-01-11 10:00:00"] for name in ONCE]
    company.deliver("orders0.csv", "oid cid amount at", orders)
    known = [[name, name.title(), f"c-{name}@mail.example", 0, BEFORE] for name in (*told, *ONCE)]
    company.deliver("customers_told0.csv", "cid name email gone updated_at", known)
    granted = [[name, "email", "marketing", "granted", BEFORE] for name in (*told, *ONCE)]
    company.deliver("consents_told0.csv", "cid channel purpose status at", granted)
    company.deliver("campaigns0.csv", "code channel at", [["spring", "email", "2023-01-02"]])
    company.deliver("responses0.csv", "rid code cid kind at", [["r0", "spring", "ana", "click", "2023-03-02 10:00:00"]])
    sent = [["spring", "ana", "treated"], ["spring", "ben", "control"], ["spring", "cleo", "treated"]]
    company.deliver("sent0.csv", "code cid arm at", [[*each, "2023-01-05 10:00:00"] for each in sent])


def deliver_told_since(company: Company, arms: dict[str, str]) -> None:
    """Deliver what those customers have said and bought since, and whom the mail tool wrote to: the treated alone.

    Two of those of whom the list had one and held the other back turn out to be one person.
    """
    changed = [["deleted", "", "", 1], ["ana2", "Ana", "c-ana@mail.example", 0], *merged(arms)]
    company.deliver("customers_told1.csv", "cid name email gone updated_at", [[*each, SINCE] for each in changed])
    company.deliver("consents_told1.csv", "cid channel purpose status at", [[*words, SINCE] for words in SAID])
    back = [["r1", "spring", "bounced", "hard_bounce"], ["r2", "spring", "unsubscribed", "unsubscribe"]]
    company.deliver("responses1.csv", "rid code cid kind at", [[*each, SINCE] for each in back])
    treated, held = (of_arm(arms, arm) for arm in ("treated", "control"))
    (code,) = {path.stem for path in (company.home / "landing" / "_arms").glob("*.parquet")}
    sent = [[f"tea-{code[:10]}", name, "", "2024-01-03 10:00:00"] for name in treated]
    company.deliver("sent1.csv", "code cid arm at", [["spring", "ana2", "control", "2023-01-05 10:00:00"], *sent])
    bought = [[f"2-{name}", name, 30, "2024-01-09 10:00:00"] for name in [*treated[:60], *held[:10]]]
    company.deliver("orders1.csv", "oid cid amount at", bought)


def of_arm(arms: dict[str, str], arm: str) -> list[str]:
    """Numbers of an arm."""
    return sorted(name for name, of in arms.items() if of == arm)


def merged(arms: dict[str, str]) -> list[list[object]]:
    """The last of both arms, who have one address."""
    return [[of_arm(arms, arm)[-1], "Xenia Both", "c-both@mail.example", 0] for arm in ("treated", "control")]


def erase(company: Company, name: str) -> None:
    """Erase what the landing has of a customer."""
    for sibling in (company.home / "landing").rglob("*.personal.parquet"):
        main, new = str(sibling).replace(".personal.parquet", ".parquet"), f"{sibling}.new"
        blanked = ", ".join(f"case when main.cid <> '{name}' then {each} end as {each}" for each in ("name", "email"))
        rows = f"select _position, {blanked} from '{sibling}' join '{main}' as main using (_position)"
        duckdb.sql(f"copy ({rows}) to '{new}' (format parquet)")
        os.replace(new, sibling)


def ids_of_ana(company: Company) -> list[str]:
    """The customer_id of Ana, on which her arms depend."""
    query = "select distinct customer_id from contacts.customer_source_id where source_customer_id in ('ana', 'ana2')"
    return [found for (found,) in company.asked(query)]


def assigned(company: Company) -> dict[str, str]:
    """Arm by customer number of the list that holds a part back."""
    return dict(
        company.asked(
            "select source_customer_id, arm from release.marts.campaign_audience"
            " join contacts.customer_source_id using (customer_id) where list_name = 'tea' and arm is not null"
        )
    )


def published(company: Company) -> dict[tuple[str, str], bool]:
    """Permission by customer number and channel, of the published release."""
    rows = company.asked(
        "select source_customer_id, channel, is_allowed from release.core.customer_permission"
        " join contacts.customer_source_id using (customer_id)"
    )
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


@pytest.mark.parametrize(("stage", "phase"), STAGES)
def test_nobody_is_listed_who_said_no(stages: Stages, stage: str, phase: int) -> None:
    people = {person.number: person for person in stages.company.people}
    rows = stages.lists[stage]["everybody"]
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
    listed = {row["source_customer_id"] for row in stages.lists[stage]["everybody"]}
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


def told(stages: Stages, stage: str) -> set[str]:
    """Those of a list whose history is told."""
    return {row["source_customer_id"].partition(";")[0] for row in stages.lists[stage]["people"]} & {*GONE, *STAY}


def test_before_anybody_goes_everybody_is_listed(stages: Stages) -> None:
    assert told(stages, "first build") == {*GONE, *STAY}


def test_a_list_of_the_release_before_leaves_out_who_went_since(stages: Stages) -> None:
    assert told(stages, "landed, not built") == {"erased", *STAY}


@pytest.mark.parametrize("stage", ["second build", "rolled back"])
def test_nobody_who_went_comes_back(stages: Stages, stage: str) -> None:
    assert told(stages, stage) == {*STAY}


def test_the_list_that_was_exported_before_is_refused(stages: Stages) -> None:
    assert "was exported before the newest data landed" in stages.check


def test_a_merged_customer_keeps_its_id_and_counts_for_neither_arm(stages: Stages) -> None:
    assert len(set(stages.ids_of_ana)) == 1
    assert stages.performance["company:spring"][3] == 1


def test_a_list_of_which_only_the_treated_come_back_is_randomised(stages: Stages) -> None:
    """The two who turned out to be one person were in both arms, and count for neither."""
    treated, held = (of_arm(stages.assigned, arm) for arm in ("treated", "control"))
    assert {row["source_customer_id"] for row in stages.lists["first build"]["tea"]} == {*treated}
    (name,) = {name for name in stages.performance if name.startswith("perennial:")}
    *counts, conversion, sample_ratio, reached = stages.performance[name]
    assert name.startswith("perennial:tea-20")
    assert counts == [True, len(treated) - 1, len(held) - 1, 1]
    assert conversion == pytest.approx(60 / (len(treated) - 1) - 10 / (len(held) - 1), abs=1e-6)
    assert sample_ratio > 0.001
    assert reached == len(treated)
