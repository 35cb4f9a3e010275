"""Arms are as large as chance makes them, alike, independent of each other, and unmoved from release to release."""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, chi2

from pipeline.campaigns import Campaign
from tests.pipeline.campaigns.universes import Universe, customer, settings_with

CAMPAIGNS, CUSTOMERS, SHARE = 24, 1_500, 0.2
FALSE_ALARM = 1e-6
"""Chance that a check fails though all is well. The hash is fixed, so that it fails always or never."""
COLUMNS = """
customer_id as_of_date purchases net_revenue kind household_id withheld_because is_minor has_open_complaint
days_since_campaign household_days_since_campaign is_universal_control clv_future objective treated_customers
incremental_capped_margin campaign_id start_date expected_margin expected_uplift days_since_last_order usual_gap_days
churn_driver segment_name tier lifecycle_stage churn_probability risk_band expected_loss winback_class p_return
maximum_spend winback_deadline_date due_item due_expected_margin new_item new_expected_margin last_order_date
"""
PERMITTED = {f"can_{channel}{end}" for channel in ("email", "post", "call", "text") for end in ("", "_block")}
Arms = dict[str, str]


def campaign(number: int, **changes: Any) -> Campaign:
    return Campaign.model_validate(
        {
            "name": f"campaign_{number}",
            "owner": "marketing",
            "objective": "sale",
            "definition": "Who has bought.",
            "channels": ["email"],
            "priority": 1,
            "control_share": str(SHARE),
            "pause_days": 7,
            "household": number % 4 == 0,
            "audience": [{"in": "has bought", "when": "purchases > 0"}, {"out": "has not bought"}],
            "columns": ["reason"],
            **changes,
        }
    )


def people(chance: random.Random, first: int) -> list[dict[str, Any]]:
    """Customers of whom a release knows other things than the one before."""
    made = [
        customer(
            f"c_{number:016x}",
            purchases=chance.randint(0, 5),
            net_revenue=chance.randint(0, 500),
            household_id=f"h{number // 2}" if number % 3 == 0 else None,
            days_since_campaign=(since := chance.choice([None, None, chance.randint(0, 20)])),
            household_days_since_campaign=since,
        )
        for number in range(first, first + CUSTOMERS)
    ]
    return chance.sample(made, CUSTOMERS)


@pytest.fixture(scope="module")
def universe() -> Iterator[Universe]:
    made = Universe({*COLUMNS.split(), *PERMITTED, "can_email_or_post"})
    yield made
    made.close()


@pytest.fixture(scope="module")
def releases(universe: Universe) -> list[list[Arms]]:
    """Arms by campaign in three releases: a third of the customers is another one in each, and all else changes."""
    found = []
    for release in range(3):
        chance = random.Random(release)
        universe.fill(people(chance, first=release * CUSTOMERS // 3))
        limits = {} if release == 0 else {"capacity": chance.randint(100, 900)}
        found.append([arms(universe, campaign(number, **limits)) for number in range(CAMPAIGNS)])
    return found


def arms(universe: Universe, of: Campaign) -> Arms:
    rows = universe.judge([of], settings_with("0"))
    return {row["customer_id"]: row["arm"] for row in rows if row["arm"]}


def test_control_groups_are_within_binomial_bounds(releases: list[list[Arms]]) -> None:
    """Each one, and all together: their scatter is that of chance, neither larger nor smaller."""
    scatter = 0.0
    for of in releases[0]:
        size, held = len(of), list(of.values()).count("control")
        low, high = binom.interval(1 - FALSE_ALARM, size, SHARE)
        assert size > CUSTOMERS / 2
        assert low <= held <= high
        scatter += (held - size * SHARE) ** 2 / (size * SHARE * (1 - SHARE))
    assert chi2.ppf(FALSE_ALARM, CAMPAIGNS) < scatter < chi2.isf(FALSE_ALARM, CAMPAIGNS)


def test_arms_are_alike_in_what_was_known_before(universe: Universe, releases: list[list[Arms]]) -> None:
    known = {each["customer_id"]: each["net_revenue"] for each in people(random.Random(0), first=0)}
    for of in releases[0]:
        treated, held = ([known[name] for name, arm in of.items() if arm == which] for which in ("treated", "control"))
        error = np.sqrt(np.var(treated) / len(treated) + np.var(held) / len(held))
        assert abs(np.mean(treated) - np.mean(held)) < 5 * error


def test_who_is_held_back_by_one_campaign_is_not_by_the_next(releases: list[list[Arms]]) -> None:
    for first, second in zip(releases[0][1::4], releases[0][2::4], strict=True):
        both = first.keys() & second.keys()
        held = sum(first[name] == second[name] == "control" for name in both)
        low, high = binom.interval(1 - FALSE_ALARM, len(both), SHARE**2)
        assert low <= held <= high


def test_nobody_changes_the_arm_between_releases(releases: list[list[Arms]]) -> None:
    for before, after in ((0, 1), (1, 2), (0, 2)):
        for first, second in zip(releases[before], releases[after], strict=True):
            both = first.keys() & second.keys()
            assert len(both) > 20
            assert {name: first[name] for name in both} == {name: second[name] for name in both}
