"""What is wrong with a campaign's file, in one sentence with its line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.yaml_file import YamlFile, read_yaml
from pipeline.campaigns.columns import STEADY, audience_columns, file_columns, reason_groups
from pipeline.campaigns.expression import ExpressionError, to_sql

if TYPE_CHECKING:
    from pipeline.campaigns.definitions import Campaign

CONTACTED = "contacted in the last "
"""How the reason of a contact cap begins; `reason_group` cuts it off there."""


def wrong(file: YamlFile, keys: Sequence[Any], problem: str, character: int = 1) -> UserError:
    """Return the error for a character of a value of a file: the keys that lead to the value, and the problem."""
    known = file.known(keys)
    column = file.column_of(known, character) if known else None
    place = f"line {file.line_of(known)}" + (f", column {column}" if column else "")
    return UserError(f"{project.shown(file.path)}, {place}: {problem}. Correct it there (campaigns/README.md).")


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
    _check_control(file, campaign)
    if campaign.budget and campaign.unit_cost is None:
        raise wrong(file, ["budget"], "a budget limits nothing without the unit_cost of a contact: give it, too")


def _check_control(file: YamlFile, campaign: "Campaign") -> None:
    everybody = "a control group of 100 % leaves nobody to contact: give less than 1"
    if campaign.control_share == 1:
        raise wrong(file, ["control_share"], everybody)
    if campaign.control_share == "auto":
        if campaign.base_rate is None or not campaign.limit:
            raise wrong(
                file,
                ["control_share"],
                "auto needs base_rate, the share that buys anyway (`perennial lists preview` says it), and a capacity "
                "or budget: the control group would be another one whenever the customers are",
            )
        if campaign.sized_share is None:
            raise wrong(
                file,
                ["control_share"],
                f"not even half of the customers held back would show {campaign.minimum_effect:.1%} more than "
                f"{campaign.base_rate:.1%} with {campaign.limit:,} contacts: give a larger minimum_effect or capacity, "
                "or a share",
            )
    if campaign.strata and campaign.household:
        raise wrong(
            file, ["strata"], "a household has one arm, and its members may be in several strata: leave one out"
        )
    steady = {name: kind for name, kind in audience_columns().items() if name in STEADY}
    for number, stratum in enumerate(campaign.strata):
        if stratum.control_share == 1:
            raise wrong(file, ["strata", number, "control_share"], everybody)
        _check_expression(file, ["strata", number, "when"], stratum.when, steady)


def _check_expression(file: YamlFile, keys: Sequence[Any], text: str, columns: Mapping[str, str]) -> None:
    try:
        to_sql(text, columns)
    except ExpressionError as error:
        raise wrong(file, keys, f"'{text}': {error}", error.place) from error


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
        if rule.when is not None:
            _check_expression(file, [*keys, "when"], rule.when, audience_columns())


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
