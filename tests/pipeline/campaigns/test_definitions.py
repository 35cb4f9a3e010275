"""A campaign list is one file, and what is wrong with it is named with its line."""

from pathlib import Path

import pytest

from pipeline.base.errors import UserError
from pipeline.base.settings import CAMPAIGNS
from pipeline.build.macros import macros
from pipeline.campaigns import read_campaigns

THANKS = """\
owner: marketing
definition: Customers of the best tier, to be thanked.
permission: [post]
audience:
  - {in: of the best tier, when: "tier = 'platinum' and purchases >= 3"}
  - {out: of another tier}
order:
  - [net_revenue]
columns: [reason, tier]
"""


def test_every_list_of_the_project_can_be_read() -> None:
    assert sorted(read_campaigns()) == sorted(path.stem for path in CAMPAIGNS.glob("*.yml"))


def test_a_list_says_its_rules_order_and_permission_as_sql(tmp_path: Path) -> None:
    (tmp_path / "thanks.yml").write_text(THANKS, encoding="utf-8")
    thanks = read_campaigns(tmp_path)["thanks"]
    assert thanks.as_sql() == {
        "name": "thanks",
        "permission": "can_post",
        "rules": [
            {"when": "((tier = 'platinum') and (purchases >= 3))", "reason": "'in: of the best tier'"},
            {"when": "true", "reason": "'out: of another tier'"},
        ],
        "order": ["coalesce(net_revenue, 0) desc"],
    }
    assert (thanks.channels, thanks.columns) == ("letter", ("reason", "tier"))


def test_a_customer_without_a_purchase_has_the_same_reason_in_lists_and_marts() -> None:
    reasons = {rule.reason for rule in read_campaigns()["winback"].audience}
    assert f"out: {macros('facts')['no_known_purchase']().strip(chr(39))}" in reasons


WRONG = {
    ("purchases >= 3", "email is null"): "thanks.yml, line 5: 'tier = 'platinum' and email is null': 'email' at",
    ("permission: [post]", "permission: [fax]"): "line 3: permission.0: Input should be 'email' or 'post'",
    ("  - {out: of another tier}\n", ""): "line 5: every rule but the last has a 'when', and the last has none",
    ("{out: of another tier}", "{in: all others}"): "line 6: the last rule is for all others: it says 'out'",
    ("{out: of another tier}", "{in: a, out: b}"): "line 6: a rule has either 'in' or 'out', with its reason",
    ("[net_revenue]", "[tier]"): "line 8: 'tier' is no number of marts.customer_360",
    ("[reason, tier]", "[reason, email]"): "line 9: 'email' is none of",
    ("[reason, tier]", "[reason, reason]"): "line 9: 'reason' is none of",
    ("owner: marketing", "owners: marketing"): "line 1: owner: Field required",
}


@pytest.mark.parametrize(("change", "problem"), WRONG.items())
def test_what_is_wrong_with_a_list_is_named_with_its_line(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    assert change[0] in THANKS
    (tmp_path / "thanks.yml").write_text(THANKS.replace(*change), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_campaigns(tmp_path)
    assert problem in str(error.value)


def test_the_name_of_a_list_is_plain(tmp_path: Path) -> None:
    (tmp_path / "Thank you.yml").write_text(THANKS, encoding="utf-8")
    with pytest.raises(UserError, match="names of lists have lower-case letters"):
        read_campaigns(tmp_path)
