"""A campaign is one file, and what is wrong with it is named with its line."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mining.effects.power import control_needed, power
from pipeline.base.errors import UserError
from pipeline.base.settings import CAMPAIGNS, Settings, load_settings
from pipeline.build.macros import macros
from pipeline.campaigns import campaign_variables, read_campaigns, read_edited
from pipeline.campaigns.amounts import Money
from pipeline.campaigns.arms import customers_needed, share_needed

THANKS = """\
owner: marketing
objective: loyalty
definition: Customers of the best tier, to be thanked.
channels: [post]
priority: 7
unit_cost: 1.25
control_share: 25 %
audience:
  - {in: of the best tier, when: "tier = 'platinum' and purchases >= 3"}
  - {out: of another tier}
order:
  - [net_revenue]
columns: [reason, tier]
"""
AS_OF = date(2026, 3, 31)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings({"CRM_SOURCES": "*", "CRM_ARM_KEY": "k"})


def written(folder: Path, text: str, name: str = "thanks") -> Path:
    path = folder / f"{name}.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_campaign_of_the_project_can_be_read() -> None:
    assert sorted(read_campaigns()) == sorted(path.stem for path in CAMPAIGNS.glob("*.yml"))


def test_campaigns_are_read_in_the_order_of_their_priority() -> None:
    priorities = [campaign.priority for campaign in read_campaigns().values()]
    assert priorities == sorted(set(priorities))


def test_a_campaign_says_its_terms_as_sql(tmp_path: Path, settings: Settings) -> None:
    written(tmp_path, THANKS)
    campaigns = read_campaigns(tmp_path)
    assert campaign_variables(campaigns.values(), settings, as_of=AS_OF, currency="EUR") == {
        "campaigns": [
            {
                "name": "thanks",
                "objective": "'loyalty'",
                "priority": 7,
                "block": "can_post_block",
                "rules": [
                    {
                        "when": "((tier = 'platinum') and (purchases >= 3))",
                        "reason": "'in: of the best tier'",
                    },
                    {"when": "true", "reason": "'out: of another tier'"},
                ],
                "order": ["coalesce(net_revenue, 0) desc"],
                "household": False,
                "pause_days": 14,
                "horizon_days": 28,
                "unit_cost": "1.25",
                "limit": None,
                "control": {"prefix": "'k|thanks|'", "below": "'40000000'"},
            }
        ],
        "universal_control": {"prefix": "'k|universal|2026|'", "below": "'051eb852'"},
    }
    assert (campaigns["thanks"].channels_in_words, campaigns["thanks"].columns) == ("letter", ("reason", "tier"))


@pytest.mark.parametrize(
    ("terms", "limit"),
    [
        ("", None),
        ("capacity: 30", 30),
        ("budget: 100", 80),
        ("budget: 99.99 EUR", 79),
        ("budget: 100\ncapacity: 9", 9),
        ("budget: 0", 0),
    ],
)
def test_budget_and_capacity_limit_the_contacts(tmp_path: Path, terms: str, limit: int | None) -> None:
    written(tmp_path, f"{THANKS}{terms}\n")
    assert read_campaigns(tmp_path)["thanks"].limit == limit


def test_an_amount_is_exact(tmp_path: Path) -> None:
    written(tmp_path, THANKS.replace("unit_cost: 1.25", "unit_cost: 0.1 EUR"))
    assert read_campaigns(tmp_path)["thanks"].unit_cost == Money(Decimal("0.1"), "EUR")


@pytest.mark.parametrize(
    ("dates", "is_there"),
    [
        ("starts: 2026-03-31\nends: 2026-03-31", True),
        ("starts: 2026-04-01", False),
        ("ends: 2026-03-30", False),
        ("", True),
    ],
)
def test_a_campaign_out_of_its_dates_judges_nobody(
    tmp_path: Path, settings: Settings, dates: str, is_there: bool
) -> None:
    written(tmp_path, f"{THANKS}{dates}\n")
    variables = campaign_variables(read_campaigns(tmp_path).values(), settings, as_of=AS_OF, currency="EUR")
    assert [each["name"] for each in variables["campaigns"]] == (["thanks"] if is_there else [])


def test_the_universal_control_group_is_of_a_year_and_a_share(tmp_path: Path) -> None:
    drawn = [
        campaign_variables(
            (),
            load_settings({"CRM_SOURCES": "*", "CRM_UNIVERSAL_CONTROL_SHARE": share}),
            as_of=date(year, 1, 1),
            currency="EUR",
        )["universal_control"]
        for year, share in ((2026, "0"), (2027, "0.5"))
    ]
    assert drawn == [
        {"prefix": "'perennial|universal|2026|'", "below": "'00000000'"},
        {"prefix": "'perennial|universal|2027|'", "below": "'80000000'"},
    ]


def test_a_customer_without_a_purchase_has_the_same_reason_in_lists_and_marts() -> None:
    reasons = {rule.reason for rule in read_campaigns()["winback"].audience}
    assert f"out: {macros('facts')['no_known_purchase']().strip(chr(39))}" in reasons


WRONG = {
    ("purchases >= 3", "email is null"):
        "thanks.yml, line 9, column 57: 'tier = 'platinum' and email is null': 'email' at",
    ("purchases >= 3", "lower(tier) = 'a'"):
        "'lower' at character 23 is a function, and only columns are allowed",
    ("purchases >= 3", "1=1; drop table x"):
        "line 9, column 57: 'tier = 'platinum' and 1=1; drop table x': '1' at character 23",
    ("channels: [post]", "channels: [fax]"):
        "line 4, column 12: channels.0: Input should be 'email', 'post', 'call' or 'text'",
    ("  - {out: of another tier}\n", ""):
        "line 9, column 5: every rule but the last has a 'when', and the last has none",
    ("{out: of another tier}", "{in: all others}"): "line 10, column 5: the last rule is for all others: it says 'out'",
    ("{out: of another tier}", "{in: a, out: b}"):
        "line 10, column 5: a rule has either 'in' or 'out', with its reason",
    ("{out: of another tier}", "{out: no consent}"): "line 10, column 5: 'no consent' is a reason that every list has",
    ("[net_revenue]", "[tier]"): "line 12, column 5: 'tier' is no number that an audience may name",
    ("[reason, tier]", "[reason, email]"): "line 13, column 19: 'email' is none of",
    ("[reason, tier]", "[reason, reason]"): "line 13, column 11: 'reason' is none of",
    ("owner: marketing", "owners: marketing"): "line 1: owner: Field required",
    ("25 %", "100 %"): "line 7, column 16: a control group of 100 % leaves nobody to contact: give less than 1",
    ("25 %", "2"): "line 7, column 16: control_share: '2' is no share: write 0.10 or 10 %",
    ("unit_cost: 1.25", "unit_cost: 1,25"):
        "line 6, column 12: unit_cost: '1,25' is no amount: write 1500 or 1500.00 EUR",
    ("unit_cost: 1.25", "unit_cost: -1"): "line 6, column 12: unit_cost: '-1' is no amount",
    ("unit_cost: 1.25", "unit_cost: 0.12345"):
        "line 6, column 12: unit_cost: '0.12345' has more than 4 digits after the point",
    ("unit_cost: 1.25", "budget: 100"): "line 6, column 9: a budget limits nothing without the unit_cost of a contact",
    ("unit_cost: 1.25", "household: maybe"): "line 6, column 12: household: Input should be a valid boolean",
    ("unit_cost: 1.25", "purpose: research"): "line 6, column 10: purpose: Input should be 'marketing'",
    ("priority: 7", "priority: 0"): "line 5, column 11: priority: Input should be greater than or equal to 1",
    ("25 %", "auto"): "line 7, column 16: auto needs base_rate, the share that buys anyway",
    ("control_share: 25 %", "control_share: auto\ncapacity: 100\nbase_rate: 20 %"):
        "line 7, column 16: not even half of",
    ("columns:", "strata: [{when: tier = 'gold', control_share: 5 %}]\ncolumns:"):
        "line 13, column 17: 'tier = 'gold'': 'tier' at character 1 is no column that is known",
    ("columns:", "strata: [{when: kind = 'a', control_share: 100 %}]\ncolumns:"):
        "line 13, column 44: a control group of 100 % leaves nobody to contact",
    ("columns:", "household: true\nstrata: [{when: kind = 'a', control_share: 5 %}]\ncolumns:"):
        "line 14, column 9: a household has one arm",
    ("unit_cost: 1.25", "ends: 2026-01-31\nstarts: 2026-02-01"):
        "line 6, column 7: it ends on 2026-01-31, before it starts on 2026-02-01",
}  # fmt: skip


@pytest.mark.parametrize(("change", "problem"), WRONG.items())
def test_what_is_wrong_with_a_campaign_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    assert change[0] in THANKS
    written(tmp_path, THANKS.replace(*change))
    with pytest.raises(UserError) as error:
        read_campaigns(tmp_path)
    assert problem in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("key", "line"), [("budget", 14), ("unit_cost", 6)])
def test_a_budget_in_another_currency_is_refused(tmp_path: Path, settings: Settings, key: str, line: int) -> None:
    text = THANKS.replace("1.25", "1.25 USD") if key == "unit_cost" else f"{THANKS}budget: 100 USD\n"
    path = written(tmp_path, text)
    campaigns = read_campaigns(tmp_path).values()
    with pytest.raises(
        UserError, match=rf"line {line}, column \d+: {key} is in USD, and the reporting currency is EUR\. Correct"
    ):
        campaign_variables(campaigns, settings, as_of=AS_OF, currency="EUR", paths={"thanks": path})
    assert campaign_variables(campaigns, settings, as_of=AS_OF, currency="USD")["campaigns"]


def test_an_edited_file_takes_the_place_of_its_campaign(tmp_path: Path) -> None:
    edited = read_edited(written(tmp_path, THANKS, "winback"))
    assert next(iter(edited)) == "winback"
    assert set(edited) == set(read_campaigns())


AUTO = THANKS.replace("25 %", "auto")


def test_the_power_calculation_sizes_the_control_group(tmp_path: Path) -> None:
    written(tmp_path, f"{AUTO}capacity: 4000\nbase_rate: 20 %\nminimum_effect: 4 %\n")
    campaign = read_campaigns(tmp_path)["thanks"]
    held = int(campaign.held_share * 4000 / (1 - campaign.held_share))
    assert power(4000, held, 0.2, 0.04) == pytest.approx(0.8, abs=0.002)
    for capacity in (1500, 2000, 9000):
        share = share_needed(capacity, 0.2, 0.05)
        assert share is not None
        customers = int(capacity / (1 - share))
        assert control_needed(customers, 0.2, 0.05) == pytest.approx(float(share) * customers, abs=2)


def test_as_many_customers_as_are_needed_find_the_effect() -> None:
    customers = customers_needed(0.1, 0.2, 0.05)
    assert customers is not None
    assert power(round(customers * 0.9), round(customers * 0.1), 0.2, 0.05) == pytest.approx(0.8, abs=0.002)
    assert customers_needed(0, 0.2, 0.05) is customers_needed(0.1, 0.2, 0) is None


def test_a_control_group_that_cannot_be_large_enough_has_no_size() -> None:
    assert share_needed(100, 0.2, 0.01) is None
    assert share_needed(4000, 0.2, 0.0) is None


def test_a_stratum_has_a_bound_of_its_own(tmp_path: Path, settings: Settings) -> None:
    written(tmp_path, f"{THANKS}strata:\n  - {{when: \"kind = 'organisation'\", control_share: 50 %}}\n")
    (said,) = campaign_variables(read_campaigns(tmp_path).values(), settings, as_of=AS_OF, currency="EUR")["campaigns"]
    assert said["control"]["below"] == "case when (kind = 'organisation') then '80000000' else '40000000' end"


def test_the_name_of_a_campaign_is_plain(tmp_path: Path) -> None:
    written(tmp_path, THANKS, "Thank you")
    with pytest.raises(UserError, match="names of campaigns have lower-case letters"):
        read_campaigns(tmp_path)
