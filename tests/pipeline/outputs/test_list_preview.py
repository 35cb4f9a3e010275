"""A preview says what a campaign would do on the published release, and writes nothing; why says it of one customer."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cli.main import main
from pipeline.base.duck import quote_literal
from pipeline.base.errors import UserError
from pipeline.outputs.lists.preview import preview
from pipeline.outputs.lists.preview_text import as_json, as_text
from pipeline.outputs.lists.why import why
from tests.pipeline.campaigns.universes import AS_OF, Universe, customer, settings_with

CUSTOMERS = 400
TEXT = """\
owner: marketing
objective: sale
definition: Customers of the gold tier.
channels: [email]
priority: 5
unit_cost: 0.50
budget: 100
control_share: 20 %
audience:
  - {out: "not of the gold tier", when: "tier <> 'gold'"}
  - {in: gold, when: purchases > 0}
  - {out: has not bought}
order:
  - [net_revenue]
columns: [reason]
"""
PERFORMANCE = """
create table release.marts.campaign_performance as
select
    'C1' as campaign_id, 'sale' as objective, 1000 as reached_customers, 50 as responded_customers,
    800 as treated_customers, cast(400 as decimal(18, 4)) as incremental_capped_margin, true as is_effect_certain,
    date '2025-01-01' as start_date
union all
select 'C2', 'sale', 1000, 30, 200, 100, false, date '2025-02-01'
union all
select 'C3', 'welcome', 10, 9, 8, 80, true, date '2025-03-01'
"""
LEARNINGS = f"""
create table release.marts.campaign_learnings as
select * replace (case segment when 'all' then 'everybody' else segment end as segment),
    date '{AS_OF}' as learned_date, date '{AS_OF}' + days as valid_until
from (values
    ('C1', 'all', 'purchases', 'sale', '10 % off', 'Customers bought more.', 'randomised', 0.01, true, 30),
    ('C1', 'often', 'purchases', 'sale', '10 % off', 'They bought more.', 'randomised', 0.2, false, 30),
    ('C1', 'seldom', 'purchases', 'sale', '10 % off', 'Not of them.', 'randomised', 0.01, true, 30),
    ('C4', 'all', 'purchases', 'sale', null, 'With the same past.', 'matched', null, null, 30),
    ('C2', 'all', 'response', 'sale', null, 'Few responded.', 'description', null, null, 30),
    ('C2', 'all', 'purchases', 'sale', null, 'Too long ago.', 'randomised', 0.4, false, -1),
    ('C3', 'all', 'purchases', 'welcome', null, 'Another objective.', 'randomised', 0.4, false, 30)
) as t (
    campaign_id, segment, measure, objective, offer, finding, evidence, adjusted_p_value, is_certain, days
)
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with 400 customers, of whom 300 are gold; ten of these have not consented, one is a minor."""
    folder = tmp_path_factory.mktemp("release")
    universe = Universe()
    people = [
        customer(
            f"p{n:03}",
            tier="gold" if n < 300 else "lead",
            net_revenue=1000 - n,
            can_email=n >= 10,
            can_email_block="no consent" if n < 10 else None,
            household_id="h" if n in (11, 12) else None,
            campaign_segment="seldom" if n % 10 == 0 else "often",
        )
        for n in range(CUSTOMERS)
    ]
    universe.fill(people)
    connection = universe.connection
    connection.execute(f"attach {quote_literal(str(folder / 'perennial.duckdb'))} as release")
    connection.execute("create schema release.marts")
    for name in ("customer_360", "campaign_customer", "campaign_uplift"):
        connection.execute(f"create table release.marts.{name} as from {name}")
    connection.execute(
        "create table release.marts.release as"
        f" select 'r1' as release_id, date '{AS_OF}' as as_of_date, 'EUR' as currency"
    )
    connection.execute(
        "create table release.marts.customer_churn as"
        " select customer_id, case when customer_id <> 'p399' then 0.75 end as churn_probability, 28 as horizon_days"
        " from customer_360"
    )
    connection.execute(
        "create table release.marts.customer_clv as"
        " select customer_id, 365 * ln(2) / 28 as expected_purchases, 365 as horizon_days,"
        " cast(36.5 as decimal(18, 4)) as clv_future from customer_360"
    )
    connection.execute(PERFORMANCE)
    connection.execute(LEARNINGS)
    connection.execute(
        """
        create table release.marts.campaign_audience as
        select
            list_name, customer_id, reason_group, prefix || reason_group as reason, arm, list_rank,
            reason_group = 'on the list' as is_included
        from (values
            ('winback', 'p011', 'on the list', 'in: ', 'treated', 1),
            ('winback', 'p013', 'control group', 'out: ', 'control', null),
            ('winback', 'p001', 'no consent', 'out: ', null, null),
            ('winback', 'p002', 'bounced', 'out: ', null, null),
            ('welcome', 'p012', 'chosen by a campaign with priority', 'out: ', null, null),
            ('winback', 'p014', 'universal control group', 'out: ', null, null)
        ) as t (list_name, customer_id, reason_group, prefix, arm, list_rank)
        """
    )
    connection.execute(f"attach {quote_literal(str(folder / 'contacts.duckdb'))} as contacts")
    connection.execute(
        "create table contacts.dim_customer_contact as"
        " select customer_id, case customer_id when 'p020' then date '2015-01-01' end as birth_date from customer_360"
    )
    universe.close()
    return folder


@pytest.fixture
def home(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose published release it is; nothing of the release may change."""
    for module in ("preview", "why"):
        monkeypatch.setattr(f"pipeline.outputs.lists.{module}.current_release", lambda _: release)
    monkeypatch.setenv("CRM_HOME", str(tmp_path / "home"))
    before = (release / "perennial.duckdb").read_bytes()
    yield tmp_path
    assert (release / "perennial.duckdb").read_bytes() == before
    assert not (tmp_path / "home" / "lists").exists()


def edited(folder: Path, text: str = TEXT) -> str:
    path = folder / "gold.yml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_waterfall_adds_up_to_all_customers(home: Path) -> None:
    found = preview(settings_with(), edited(home))
    steps = {step.group: step.customers for step in found.steps}
    assert found.customers == CUSTOMERS == sum(steps.values())
    assert (steps["not in the audience"], steps["no consent"], steps["minor"]) == (100, 10, 1)
    assert steps["on the list"] == found.contacts == 200  # 100 EUR at 0.50
    assert found.cost == Decimal(100)
    assert steps["control group"] == found.control
    assert 20 < found.control < 80
    assert steps["over budget or capacity"] == 289 - 200 - found.control
    assert [step.left for step in found.steps][-1] == 200


def test_examples_are_the_first_without_personal_data(home: Path) -> None:
    found = preview(settings_with(), edited(home))
    assert [row["list_rank"] for row in found.examples] == list(range(1, 21))
    assert found.examples[0]["customer_id"] in ("p010", "p011", "p012", "p013")
    assert not {"email", "full_name", "explanation"} & set(found.examples[0])


def test_what_earlier_campaigns_of_the_objective_brought_is_said(home: Path) -> None:
    found = preview(settings_with(), edited(home))
    assert (found.evidence.campaigns, found.evidence.certain) == (2, 1)
    assert (found.evidence.response_rate, found.evidence.margin) == (0.04, Decimal("0.5"))
    assert found.purchase_rate == 0.25
    assert found.worth.margin == Decimal(560)  # of 200 customers, 36.50 a year each, for 28 days
    assert found.worth.margin_per_purchase == Decimal("4.0395")
    assert found.worth.break_even == 0.1238  # a contact costs 0.50
    none = preview(settings_with(), edited(home, TEXT.replace("objective: sale", "objective: new")))
    assert (none.evidence.campaigns, none.evidence.response_rate, none.evidence.margin) == (0, None, None)


def test_what_is_known_of_the_same_objective_is_cited_while_it_is_valid(home: Path) -> None:
    found = preview(settings_with(), edited(home))
    assert [learning["finding"] for learning in found.evidence.learnings] == [
        "Customers bought more.",
        "They bought more.",
        "With the same past.",
        "Few responded.",
    ]
    lines = as_text(found, None).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Learned"))
    until = found.evidence.learnings[0]["valid_until"]
    assert [lines[first], lines[first + 3]] == [
        f"Learned    C1 (10 % off): Customers bought more. [randomised, false discovery rate 1%, valid until {until}]",
        f"           C2: Few responded. [description, valid until {until}]",
    ]


def test_the_rate_is_for_the_horizon_of_the_campaign(home: Path) -> None:
    found = preview(settings_with(), edited(home, f"horizon_days: 56\n{TEXT}"))
    assert found.purchase_rate == round(1 - 0.75**2, 4)


def test_without_a_churn_score_the_expected_purchases_say_it(home: Path) -> None:
    text = TEXT.replace("tier <> 'gold'", "net_revenue > 601").replace("control_share: 20 %", "control_share: 0")
    found = preview(settings_with(), edited(home, text))
    assert (found.contacts, found.purchase_rate) == (1, 0.5)


def test_a_campaign_out_of_its_dates_is_shown_as_if_they_held(home: Path) -> None:
    found = preview(settings_with(), edited(home, f"starts: 2027-01-01\n{TEXT}"))
    assert found.contacts == 200
    assert "out of its dates (from 2027-01-01), and chooses nobody as of 2026-03-31" in as_text(found, None)


def test_a_budget_in_another_currency_is_refused_with_the_line(home: Path) -> None:
    with pytest.raises(
        UserError, match=r"gold\.yml, line 7, column 9: budget is in USD, and the reporting currency is EUR"
    ):
        preview(settings_with(), edited(home, TEXT.replace("budget: 100", "budget: 100 USD")))


def test_the_command_prints_what_the_test_can_find(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lists", "preview", edited(home)]) == 0
    said = capfd.readouterr().out
    assert "= On the list" in said
    assert "Cost       100.00 EUR for 200 contacts." in said
    assert "Response   8 (4.0%), by 2 earlier campaigns with the objective sale." in said
    assert "Margin     100.00 EUR caused, 0.00 EUR after the cost, by 2 earlier campaigns" in said
    assert "Worth      560.00 EUR of margin is expected of them within 28 days anyway." in said
    assert "It pays where 12.4 percentage points more of them buy, at 4.04 EUR of margin each." in said
    assert "25.0% buy within 28 days anyway." in said
    assert "5.0 percentage points more are found with a chance of" in said
    assert "Not even half of these held back are enough" in said
    assert "With 20% held back," in said
    assert "runs like this one, judged together." in said
    assert said.count("; gold") == 20
    assert main(["lists", "preview", edited(home), "--format", "json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["campaign"], told["contacts"], told["test"]["minimum_effect"]) == ("gold", 200, 0.05)


def test_json_has_every_step(home: Path) -> None:
    found = preview(settings_with(), edited(home))
    told = json.loads(as_json(found, None))
    assert sum(step["customers"] for step in told["steps"]) == CUSTOMERS
    assert told["test"] is None


@pytest.mark.parametrize(
    ("customer_id", "campaign", "sentence"),
    [
        ("p011", "winback", "is on the list of winback, 1 of 1: on the list."),
        ("p013", "winback", "is held back in the control group of winback, so that the effect can be measured."),
        ("p001", "winback", "is not on the list of winback: no consent."),
        (
            *("p002", "winback"),
            "is not on the list of winback: what was sent came back, and no consent has been given since.",
        ),
        (
            "p012",
            "welcome",
            "is not on the list of welcome: winback, which has priority, has chosen the customer or the household.",
        ),
        (
            "p014",
            "winback",
            "is not on the list of winback: no campaign of 2026 contacts the universal control group.",
        ),
    ],
)
def test_why_is_one_sentence(home: Path, customer_id: str, campaign: str, sentence: str) -> None:
    assert why(settings_with(), customer_id, campaign) == f"{customer_id} {sentence}"


@pytest.mark.parametrize(
    ("customer_id", "campaign", "problem"),
    [
        ("nobody", "winback", "has no customer 'nobody'"),
        ("p011", "birthday", "has not judged the campaign 'birthday', which is new or out of its dates"),
        ("p011", "nothing", "There is no campaign 'nothing': give one of birthday, "),
    ],
)
def test_what_cannot_be_told_is_said(home: Path, customer_id: str, campaign: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        why(settings_with(), customer_id, campaign)
