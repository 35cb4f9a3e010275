"""Whom campaigns choose: nobody who may not be contacted, nobody twice, and the same whatever the order of rows.

In random universes the model of the mart is compared with a plain loop, and with what must never be.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from pipeline.campaigns import Campaign, read_campaigns
from pipeline.campaigns.columns import reason_groups
from tests.pipeline.campaigns.universes import (
    Universe,
    customer,
    random_campaigns,
    random_customers,
    settings_with,
)

UNIVERSES = 200
CUSTOMERS = 30
SHUFFLED = 4
"""Of so many universes one is judged with its rows in another order, too."""
CHOSEN = ("on the list", "control group")

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def universe() -> Iterator[Universe]:
    made = Universe()
    yield made
    made.close()


@pytest.fixture(scope="module")
def judged(universe: Universe) -> list[tuple[list[Campaign], dict[str, dict[str, Any]], Rows, Rows]]:
    """Campaigns, customers by id, and the rows of the mart: of customers in one order, and in another."""
    found = []
    for seed in range(UNIVERSES):
        chance = random.Random(seed)
        campaigns, customers = random_campaigns(chance), random_customers(chance, CUSTOMERS)
        universe.fill(customers)
        rows = universe.judge(campaigns, settings_with())
        again = rows
        if seed % SHUFFLED == 0:
            universe.fill(chance.sample(customers, len(customers)))
            again = universe.judge(campaigns, settings_with())
        found.append((campaigns, {each["customer_id"]: each for each in customers}, rows, again))
    return found


def is_control(campaign: Campaign, unit: str) -> bool:
    digest = hashlib.md5(f"perennial|{campaign.name}|{unit}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) < round(campaign.control_share * 16**8)


def bar(campaign: Campaign, person: dict[str, Any]) -> str | None:
    """The first thing that keeps a customer."""
    since = person["household_days_since_campaign" if campaign.household else "days_since_campaign"]
    bars = {
        person["withheld_because"]: person["withheld_because"] is not None,
        "no consent": not any(person[f"can_{channel}"] for channel in campaign.channels),
        "no contact details": not person["has_contact_details"],
        "minor": person["is_minor"],
        "open complaint": person["has_open_complaint"],
        f"contacted in the last {campaign.pause_days} days": since is not None and since < campaign.pause_days,
        "universal control group": person["is_universal_control"],
    }
    return next((reason for reason, holds in bars.items() if holds), None)


def in_order(campaign: Campaign, persons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    def place(person: dict[str, Any]) -> tuple[Any, ...]:
        known = [
            next((person.get(name) for name in names if person.get(name) is not None), 0) for names in campaign.order
        ]
        return (*(-value for value in known), person["customer_id"])

    return sorted(persons, key=place)


def expected(campaigns: Sequence[Campaign], persons: dict[str, dict[str, Any]]) -> dict[tuple[str, str], str]:
    """Reason by list and customer, one customer after another."""
    reasons: dict[tuple[str, str], str] = {}
    taken: list[tuple[str, str | None, bool]] = []
    for campaign in campaigns:
        units: dict[str, str] = {}
        contacts, now = 0, []
        for person in in_order(campaign, list(persons.values())):
            name, household = person["customer_id"], person["household_id"]
            bought = int(str(campaign.audience[1].when).rpartition(" ")[2])
            unit = household or name if campaign.household else name
            is_taken = any(
                other == name or (household and home == household and (by_household or campaign.household))
                for other, home, by_household in taken
            )
            if person["tier"] is None:
                reason = "of no tier"
            elif person["purchases"] < bought:
                reason = "has not bought enough"
            elif why := bar(campaign, person):
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
                reason = "control group" if is_control(campaign, unit) else "has bought"
                contacts += reason == "has bought"
            reasons[campaign.name, name] = reason
        taken += now
    return reasons


def test_each_customer_has_the_reason_that_a_plain_loop_finds(judged) -> None:
    for campaigns, persons, rows, _ in judged:
        found = {(row["list_name"], row["customer_id"]): row["reason"].split(": ", 1)[1] for row in rows}
        assert found == expected(campaigns, persons)


def test_the_order_of_rows_does_not_matter(judged) -> None:
    assert all(rows == again for _, _, rows, again in judged)


def test_nobody_is_on_a_list_who_may_not_be_contacted(judged) -> None:
    listed = 0
    for campaigns, persons, rows, _ in judged:
        terms = {campaign.name: campaign for campaign in campaigns}
        for row in (row for row in rows if row["is_included"]):
            listed += 1
            person, campaign = persons[row["customer_id"]], terms[row["list_name"]]
            assert any(person[f"can_{channel}"] for channel in campaign.channels)
            assert person["withheld_because"] is None
            assert person["has_contact_details"]
            assert not (person["is_minor"] or person["has_open_complaint"] or person["is_universal_control"])
            assert (person["days_since_campaign"] or 99) >= campaign.pause_days or person["days_since_campaign"] is None
            assert not is_control(
                campaign, (person["household_id"] or row["customer_id"]) if campaign.household else row["customer_id"]
            )
    assert listed > UNIVERSES


def test_nobody_and_no_household_is_contacted_twice(judged) -> None:
    for campaigns, persons, rows, _ in judged:
        of_households = {campaign.name for campaign in campaigns if campaign.household}
        chosen = [(row["list_name"], row["customer_id"]) for row in rows if row["reason_group"] in CHOSEN]
        names = [name for _, name in chosen]
        assert len(names) == len(set(names))
        for campaign in of_households:
            homes = [persons[name]["household_id"] for of, name in chosen]
            own = [persons[name]["household_id"] for of, name in chosen if of == campaign]
            assert all(homes.count(home) == 1 for home in own if home)


def test_the_waterfall_adds_up_to_all_customers(judged) -> None:
    for campaigns, persons, rows, _ in judged:
        assert {row["reason_group"] for row in rows} <= set(reason_groups())
        assert sorted((row["list_name"], row["customer_id"]) for row in rows) == sorted(
            (campaign.name, name) for campaign in campaigns for name in persons
        )


def test_ranks_are_without_gaps_and_within_the_limit(judged) -> None:
    for campaigns, _, rows, _ in judged:
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
