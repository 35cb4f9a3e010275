"""Whom campaigns choose: nobody who may not be contacted, nobody twice, and the same whatever the order of rows.

In random universes the model of the mart is compared with a plain loop, and with what must never be.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pipeline.base.catalog import table
from pipeline.campaigns import Campaign, read_campaigns
from pipeline.campaigns.columns import reason_groups
from pipeline.outputs.lists import choice
from tests.pipeline.campaigns.universes import (
    Universe,
    customer,
    random_campaigns,
    random_customers,
    random_evidence,
    random_uplifts,
    settings_with,
)

UNIVERSES = 1_000
CUSTOMERS = 25
TOGETHER = 50
ALONE = 40
CHOSEN = ("on the list", "control group")

Rows = list[dict[str, Any]]
Judged = list[tuple[list[Campaign], dict[str, dict[str, Any]], Rows, Rows, Rows]]
"""Campaigns, customers by id, what earlier campaigns brought, and the rows of the mart, of two orders of customers."""


@pytest.fixture(scope="module")
def universe() -> Iterator[Universe]:
    of_campaigns = (choice.CHOSEN, "campaign_customer", "part_customer_birthday", "campaign_uplift")
    named = {column.name for name in of_campaigns for column in table(name).columns}
    others = {"purchases", "net_revenue", "kind", "is_left_truncated", "objective", "start_date"}
    made = Universe(named | others | {"treated_customers", "incremental_capped_margin"})
    yield made
    made.close()


@pytest.fixture(scope="module")
def judged(universe: Universe) -> Judged:
    return [*judged_together(universe), *judged_alone(universe)]


def judged_together(universe: Universe) -> Judged:
    """Many universes of which the customers are judged by the same campaigns, in one query."""
    found: Judged = []
    for number in range(UNIVERSES // TOGETHER):
        chance = random.Random(number)
        campaigns = random_campaigns(chance, one_by_one=True)
        names = [f"{each:02}" for each in range(TOGETHER)]
        customers = [person for name in names for person in random_customers(chance, CUSTOMERS, name)]
        rows = {}
        for order in (customers, chance.sample(customers, len(customers))):
            universe.fill(order)
            rows[order is customers] = universe.judge(campaigns, settings_with(), universe="substr(customer_id, 1, 2)")
        for name in names:
            persons = {each["customer_id"]: each for each in customers if each["customer_id"].startswith(name)}
            first, again = ([row for row in rows[which] if row["customer_id"] in persons] for which in (True, False))
            found.append((campaigns, persons, [], first, again))
    return found


def judged_alone(universe: Universe) -> Judged:
    """Universes of which the campaigns may share a priority: what earlier ones brought decides which chooses first."""
    found: Judged = []
    for seed in range(ALONE):
        chance = random.Random(seed)
        campaigns, customers = random_campaigns(chance), random_customers(chance, CUSTOMERS)
        earlier = random_evidence(chance)
        uplifts = random_uplifts(chance, customers, earlier)
        for row in earlier:
            of_row = [each for each in uplifts if each["campaign_id"] == row["campaign_id"]]
            row["uplifts"] = {each["customer_id"]: each for each in of_row}
        universe.fill(customers, earlier, uplifts)
        rows = universe.judge(campaigns, settings_with())
        universe.fill(*(chance.sample(each, len(each)) for each in (customers, earlier, uplifts)))
        again = universe.judge(chance.sample(campaigns, len(campaigns)), settings_with())
        found.append((campaigns, {each["customer_id"]: each for each in customers}, earlier, rows, again))
    return found


def is_control(campaign: Campaign, person: dict[str, Any], unit: str) -> bool:
    digest = hashlib.md5(f"perennial|{campaign.name}|{unit}".encode(), usedforsecurity=False).hexdigest()
    is_of_stratum = campaign.strata and person["kind"] == "organisation"
    share = campaign.strata[0].control_share if is_of_stratum else campaign.held_share
    return int(digest[:8], 16) < round(share * 16**8)


def bar(campaign: Campaign, person: dict[str, Any]) -> str | None:
    """The first thing that keeps a customer."""
    since = person["household_days_since_campaign" if campaign.household else "days_since_campaign"]
    blocks = [person[f"can_{channel}_block"] for channel in campaign.channels]
    bars = {
        person["withheld_because"]: person["withheld_because"] is not None,
        min(filter(None, blocks), default=""): None not in blocks,
        "minor": person["is_minor"],
        "open complaint": person["has_open_complaint"],
        f"contacted in the last {campaign.pause_days} days": since is not None and since < campaign.pause_days,
        "universal control group": person["is_universal_control"],
    }
    return next((reason for reason, holds in bars.items() if holds), None)


def uplift_of(campaign: Campaign, earlier: Rows) -> dict[str, dict[str, Any]]:
    """By customer, what the newest campaign of the objective whose uplift is known would change."""
    known = [row for row in earlier if row["objective"] == campaign.objective and row["uplifts"]]
    newest = min(known, key=lambda row: (-row["start_date"].toordinal(), row["campaign_id"]), default={"uplifts": {}})
    return newest["uplifts"]


def in_order(campaign: Campaign, persons: Sequence[dict[str, Any]], earlier: Rows) -> list[dict[str, Any]]:
    uplifts = uplift_of(campaign, earlier)

    def place(person: dict[str, Any]) -> tuple[Any, ...]:
        uplift = uplifts.get(person["customer_id"], {})
        caused = [uplift.get(name) for name in ("expected_margin", "expected_uplift")]
        known = [
            next((person.get(name) for name in names if person.get(name) is not None), 0) for names in campaign.order
        ]
        return (
            *((value is None, -(value or 0)) for value in caused),
            *(-value for value in known),
            person["customer_id"],
        )

    return sorted(persons, key=place)


def own_reason(campaign: Campaign, person: dict[str, Any]) -> str | None:
    """Why a campaign does not want a customer, or must not contact it."""
    if person["tier"] is None:
        return "of no tier"
    if person["purchases"] < int(str(campaign.audience[1].when).rpartition(" ")[2]):
        return "has not bought enough"
    return bar(campaign, person)


def by_turns(campaigns: Sequence[Campaign], persons: Sequence[dict[str, Any]], earlier: Rows) -> list[Campaign]:
    """Priority, then the margin that a contact caused less its cost, then the margin that is expected."""

    def turn(campaign: Campaign) -> tuple[Any, ...]:
        known = [
            (row["incremental_capped_margin"], row["treated_customers"])
            for row in earlier
            if row["objective"] == campaign.objective and row["treated_customers"]
            if row["incremental_capped_margin"] is not None
        ]
        wanted = [person for person in persons if own_reason(campaign, person) is None]
        values = [person["clv_future"] for person in wanted if person["clv_future"] is not None]
        uplifts = uplift_of(campaign, earlier)
        margins = [uplifts.get(person["customer_id"], {}).get("expected_margin") for person in wanted]
        margins = [margin for margin in margins if margin is not None]
        caused = expected = None
        assert campaign.unit_cost
        if margins:
            caused = Fraction(sum(margins), len(margins)) - Fraction(campaign.unit_cost.amount)
        elif known:
            margin, customers = map(sum, zip(*known, strict=True))
            caused = Fraction(margin, customers) - Fraction(campaign.unit_cost.amount)
        if values:
            expected = Fraction(campaign.horizon_days * sum(values), len(values))
        return (
            *(campaign.priority, caused is None, -(caused or 0)),
            *(expected is None, -(expected or 0), campaign.name),
        )

    return sorted(campaigns, key=turn)


def expected(
    campaigns: Sequence[Campaign], persons: dict[str, dict[str, Any]], earlier: Rows
) -> dict[tuple[str, str], str]:
    """Reason by list and customer, one customer after another."""
    reasons: dict[tuple[str, str], str] = {}
    taken: list[tuple[str, str | None, bool]] = []
    for campaign in by_turns(campaigns, list(persons.values()), earlier):
        units: dict[str, str] = {}
        contacts, now = 0, []
        for person in in_order(campaign, list(persons.values()), earlier):
            name, household = person["customer_id"], person["household_id"]
            unit = household or name if campaign.household else name
            is_taken = any(
                other == name or (household and home == household and (by_household or campaign.household))
                for other, home, by_household in taken
            )
            if why := own_reason(campaign, person):
                reason = why
            elif is_taken:
                reason = "chosen by a campaign with priority"
            elif unit in units:
                reason = units[unit]
            elif campaign.limit is not None and contacts >= campaign.limit:
                reason = units[unit] = "over budget or capacity"
            else:
                units[unit] = "household already chosen"
                now.append((name, household, campaign.household))
                reason = "control group" if is_control(campaign, person, unit) else "has bought"
                contacts += reason == "has bought"
            reasons[campaign.name, name] = reason
        taken += now
    return reasons


def test_each_customer_has_the_reason_that_a_plain_loop_finds(judged) -> None:
    for campaigns, persons, earlier, rows, _ in judged:
        found = {(row["list_name"], row["customer_id"]): row["reason"].split(": ", 1)[1] for row in rows}
        assert found == expected(campaigns, persons, earlier)


def test_the_order_of_rows_does_not_matter(judged) -> None:
    assert all(rows == again for *_, rows, again in judged)


def test_nobody_is_on_a_list_who_may_not_be_contacted(judged) -> None:
    listed = 0
    for campaigns, persons, _, rows, _ in judged:
        terms = {campaign.name: campaign for campaign in campaigns}
        for row in (row for row in rows if row["is_included"]):
            listed += 1
            person, campaign = persons[row["customer_id"]], terms[row["list_name"]]
            assert any(
                person[f"can_{channel}"] and person[f"can_{channel}_block"] is None for channel in campaign.channels
            )
            assert person["withheld_because"] is None
            assert not (person["is_minor"] or person["has_open_complaint"] or person["is_universal_control"])
            assert (person["days_since_campaign"] or 99) >= campaign.pause_days or person["days_since_campaign"] is None
            unit = (person["household_id"] or row["customer_id"]) if campaign.household else row["customer_id"]
            assert not is_control(campaign, person, unit)
    assert listed > UNIVERSES


def test_nobody_and_no_household_is_contacted_twice(judged) -> None:
    for campaigns, persons, _, rows, _ in judged:
        of_households = {campaign.name for campaign in campaigns if campaign.household}
        chosen = [(row["list_name"], row["customer_id"]) for row in rows if row["reason_group"] in CHOSEN]
        names = [name for _, name in chosen]
        assert len(names) == len(set(names))
        for campaign in of_households:
            homes = [persons[name]["household_id"] for of, name in chosen]
            own = [persons[name]["household_id"] for of, name in chosen if of == campaign]
            assert all(homes.count(home) == 1 for home in own if home)


def test_the_waterfall_adds_up_to_all_customers(judged) -> None:
    for campaigns, persons, _, rows, _ in judged:
        assert {row["reason_group"] for row in rows} <= set(reason_groups())
        assert sorted((row["list_name"], row["customer_id"]) for row in rows) == sorted(
            (campaign.name, name) for campaign in campaigns for name in persons
        )


def test_ranks_are_without_gaps_and_within_the_limit(judged) -> None:
    for campaigns, _, _, rows, _ in judged:
        for campaign in campaigns:
            ranks = sorted(row["list_rank"] for row in rows if row["list_name"] == campaign.name and row["list_rank"])
            assert ranks == list(range(1, len(ranks) + 1))
            assert campaign.limit is None or len(ranks) <= campaign.limit


def test_an_arm_does_not_depend_on_who_else_is_there(universe: Universe) -> None:
    chance = random.Random(7)
    welcome = read_campaigns()["welcome"].model_copy(update={"control_share": Decimal("0.4")})
    people = [customer(f"p{n}", days_since_first_order=3, purchases=1, net_revenue=n) for n in range(400)]
    universe.fill(people)
    first = {row["customer_id"]: row["arm"] for row in universe.judge([welcome], settings_with())}
    universe.fill(chance.sample(people, 100))
    later = {row["customer_id"]: row["arm"] for row in universe.judge([welcome], settings_with())}
    assert later.items() <= first.items()
    held = sum(arm == "control" for arm in first.values())
    assert abs(held - 160) < 4 * (400 * 0.4 * 0.6) ** 0.5


def test_without_a_campaign_the_mart_is_empty(universe: Universe) -> None:
    universe.fill([customer("ana")])
    assert universe.judge([], settings_with()) == []
