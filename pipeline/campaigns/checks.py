"""What is wrong with a campaign's file, in one sentence with its line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.yaml_file import YamlFile, read_yaml
from pipeline.campaigns.columns import audience_columns, file_columns, reason_groups
from pipeline.campaigns.expression import ExpressionError, to_sql

if TYPE_CHECKING:
    from pipeline.campaigns.definitions import Campaign

CONTACTED = "contacted in the last "
"""How the reason of a contact cap begins; `reason_group` cuts it off there."""


def wrong(file: YamlFile, keys: Sequence[Any], problem: str) -> UserError:
    """Return the error for a value of a file: the keys that lead to it, and the problem."""
    line = file.line_of(file.known(keys))
    return UserError(f"{project.shown(file.path)}, line {line}: {problem}. Correct it there (campaigns/README.md).")


def check_campaign(file: YamlFile, campaign: "Campaign") -> None:
    """Check what the types of a campaign do not say.

    Raises
    ------
    UserError
        Something is wrong; the message names file and line.
    """
    _check_terms(file, campaign)
    _check_rules(file, campaign)
    _check_columns(file, campaign)


def check_priorities(paths: Mapping[str, Path], campaigns: Sequence["Campaign"]) -> None:
    """Check that no two campaigns have the same priority: which one chooses first must not depend on their names."""
    taken: dict[int, str] = {}
    for campaign in campaigns:
        other = taken.setdefault(campaign.priority, campaign.name)
        if other != campaign.name:
            raise wrong(
                read_yaml(paths[campaign.name]),
                ["priority"],
                f"priority {campaign.priority} is that of {other}.yml, too: which campaign chooses first is unknown",
            )


def check_currency(path: Path, campaign: "Campaign", currency: str) -> None:
    """Check that the amounts of a campaign are in the reporting currency."""
    for key, each in (("budget", campaign.budget), ("unit_cost", campaign.unit_cost)):
        if each is not None and each.currency not in (None, currency):
            raise wrong(
                read_yaml(path), [key], f"{key} is in {each.currency}, and the reporting currency is {currency}"
            )


def _check_terms(file: YamlFile, campaign: "Campaign") -> None:
    if campaign.starts and campaign.ends and campaign.ends < campaign.starts:
        raise wrong(file, ["ends"], f"it ends on {campaign.ends}, before it starts on {campaign.starts}")
    if campaign.control_share == 1:
        raise wrong(file, ["control_share"], "a control group of 100 % leaves nobody to contact: give less than 1")
    if campaign.budget and campaign.unit_cost is None:
        raise wrong(file, ["budget"], "a budget limits nothing without the unit_cost of a contact: give it, too")


def _check_rules(file: YamlFile, campaign: "Campaign") -> None:
    last = len(campaign.audience) - 1
    for number, rule in enumerate(campaign.audience):
        keys = ["audience", number]
        if (rule.included is None) == (rule.excluded is None):
            raise wrong(file, keys, "a rule has either 'in' or 'out', with its reason")
        if (rule.when is None) != (number == last):
            raise wrong(file, keys, "every rule but the last has a 'when', and the last has none")
        if number == last and rule.excluded is None:
            raise wrong(file, keys, "the last rule is for all others: it says 'out'")
        if rule.excluded in reason_groups() or (rule.excluded or "").startswith(CONTACTED):
            raise wrong(file, keys, f"'{rule.excluded}' is a reason that every list has: say it in other words")
        try:
            if rule.when is not None:
                to_sql(rule.when, audience_columns())
        except ExpressionError as error:
            raise wrong(file, [*keys, "when"], f"'{rule.when}': {error}") from error


def _check_columns(file: YamlFile, campaign: "Campaign") -> None:
    kinds = audience_columns()
    for number, names in enumerate(campaign.order):
        for name in names:
            if kinds.get(name) not in ("int", "bigint", "double") and "decimal" not in kinds.get(name, ""):
                raise wrong(file, ["order", number], f"'{name}' is no number that an audience may name")
    for number, name in enumerate(campaign.columns):
        if name not in file_columns() or campaign.columns.count(name) > 1:
            allowed = ", ".join(sorted(file_columns()))
            raise wrong(file, ["columns", number], f"'{name}' is none of {allowed}, or is there twice")
