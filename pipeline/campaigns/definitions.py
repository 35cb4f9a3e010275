"""Campaign lists are defined in campaigns/<name>.yml; campaigns/README.md describes the keys."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.base import settings as project
from pipeline.base.catalog import table
from pipeline.base.duck import quote_literal
from pipeline.base.errors import UserError
from pipeline.base.yaml_file import YamlFile, read_yaml
from pipeline.campaigns.expression import ExpressionError, to_sql

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Computed in campaign_audience.sql from customer_360.
OWN = {"is_upper_tier": "boolean", "is_lapsed": "boolean", "is_above_average": "boolean"}
AUDIENCE = "campaign_audience"
CHANNELS = {"email": "e-mail", "post": "letter"}
"""Channels for which a list has addresses, in words; the permission is `can_<channel>`."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Rule(_Strict):
    """Puts customers in or out, with the reason."""

    included: str | None = Field(None, alias="in", min_length=1)
    excluded: str | None = Field(None, alias="out", min_length=1)
    when: str | None = None

    @property
    def reason(self) -> str:
        """As in `marts.campaign_audience.reason`."""
        return f"out: {self.excluded}" if self.included is None else f"in: {self.included}"


class Campaign(_Strict):
    """A campaign list.

    Attributes
    ----------
    name
        Of its file, and of the list.
    owner, definition
        Who answers for it, and whom it holds.
    permission
        A customer needs consent to one of these channels.
    audience
        Rules; the first that holds counts, and the last always does.
    order
        For each key the columns of which the first that is known counts; the largest first.
    columns
        What the file has of `marts.campaign_audience`.
    """

    name: str
    owner: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    permission: tuple[Literal["email", "post"], ...] = Field(min_length=1)
    audience: tuple[Rule, ...] = Field(min_length=1)
    order: tuple[tuple[str, ...], ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)

    @property
    def permitted_by(self) -> str:
        """The column that says whether a customer may be contacted: null where nothing is known, which is not yes."""
        return "can_email_or_post" if len(set(self.permission)) > 1 else f"can_{self.permission[0]}"

    @property
    def channels(self) -> str:
        """`e-mail or letter`."""
        return " or ".join(words for channel, words in CHANNELS.items() if channel in self.permission)

    def as_sql(self) -> dict[str, Any]:
        """What dbt builds `marts.campaign_audience` from."""
        columns = audience_columns()
        return {
            "name": self.name,
            "permission": self.permitted_by,
            "rules": [
                {"when": to_sql(rule.when, columns) if rule.when else "true", "reason": quote_literal(rule.reason)}
                for rule in self.audience
            ],
            "order": [f"coalesce({', '.join([*names, '0'])}) desc" for names in self.order],
        }


def audience_columns() -> dict[str, str]:
    """The columns that an audience may name, with their types."""
    return {column.name: str(column.data_type) for column in table("customer_360").columns} | OWN


@cache
def read_campaigns(folder: Path | None = None) -> dict[str, Campaign]:
    """Return all campaigns, by name.

    Raises
    ------
    UserError
        A file says something that is no campaign; the message names file, line, and what is wrong.
    """
    paths = sorted((folder or project.CAMPAIGNS).glob("[!.]*.yml"))
    return {path.stem: _read(path) for path in paths}


def _read(path: Path) -> Campaign:
    shown = project.shown(path)
    if not NAME.fullmatch(path.stem):
        raise UserError(f"{shown}: names of lists have lower-case letters, digits and _. Rename the file.")
    file = read_yaml(path)
    try:
        campaign = Campaign.model_validate({**file.content, "name": path.stem})
    except ValidationError as error:
        first = error.errors()[0]
        keys = [key for key in first["loc"] if key != "name"]
        raise _wrong(file, keys, f"{'.'.join(map(str, keys))}: {first['msg']}") from error
    _check_rules(file, campaign)
    _check_columns(file, campaign)
    return campaign


def _check_rules(file: YamlFile, campaign: Campaign) -> None:
    last = len(campaign.audience) - 1
    for number, rule in enumerate(campaign.audience):
        keys = ["audience", number]
        if (rule.included is None) == (rule.excluded is None):
            raise _wrong(file, keys, "a rule has either 'in' or 'out', with its reason")
        if (rule.when is None) != (number == last):
            raise _wrong(file, keys, "every rule but the last has a 'when', and the last has none")
        if number == last and rule.excluded is None:
            raise _wrong(file, keys, "the last rule is for all others: it says 'out'")
        try:
            if rule.when is not None:
                to_sql(rule.when, audience_columns())
        except ExpressionError as error:
            raise _wrong(file, [*keys, "when"], f"'{rule.when}': {error}") from error


def _check_columns(file: YamlFile, campaign: Campaign) -> None:
    kinds = audience_columns()
    for number, names in enumerate(campaign.order):
        for name in names:
            if kinds.get(name) not in ("int", "bigint", "double") and "decimal" not in kinds.get(name, ""):
                raise _wrong(file, ["order", number], f"'{name}' is no number of marts.customer_360")
    published = {column.name for column in table(AUDIENCE).columns} - {"list_name", "list_rank", "customer_id"}
    for number, name in enumerate(campaign.columns):
        if name not in published or name.startswith("can_") or campaign.columns.count(name) > 1:
            allowed = ", ".join(sorted(each for each in published if not each.startswith("can_")))
            raise _wrong(file, ["columns", number], f"'{name}' is none of {allowed}, or is there twice")


def _wrong(file: YamlFile, keys: list[Any], problem: str) -> UserError:
    line = file.line_of(file.known(keys))
    return UserError(f"{project.shown(file.path)}, line {line}: {problem}. Correct it there (campaigns/README.md).")
