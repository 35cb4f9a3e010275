"""Campaigns are defined in campaigns/<name>.yml; campaigns/README.md describes the keys."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.yaml_file import read_yaml
from pipeline.campaigns.amounts import Money, money, share
from pipeline.campaigns.arms import share_needed
from pipeline.campaigns.checks import check_campaign, wrong

NAME = re.compile(r"[a-z][a-z0-9_]*")
CHANNELS = {"email": "e-mail", "post": "letter", "call": "call", "text": "text message"}
"""Channels in words; the permission is `can_<channel>`."""
Amount = Annotated[Money, BeforeValidator(money)]
Share = Annotated[Decimal, BeforeValidator(share)]
Control = Annotated[
    Decimal | Literal["auto"], BeforeValidator(lambda value: value if value == "auto" else share(value))
]
Days = Annotated[int, Field(ge=1, strict=True)]


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


class Stratum(_Strict):
    """Customers of whom another share is held back."""

    when: str = Field(min_length=1)
    control_share: Share


class Campaign(_Strict):
    """A campaign.

    Attributes
    ----------
    name
        Of its file, and of its list.
    owner, objective, definition, offer
        Who answers for it, what it is for, whom it is for, and what they get.
    channels, purpose
        A customer needs consent to this purpose in one of these channels.
    priority
        1 chooses its customers first; of two campaigns that have the same, the one whose contacts bring more.
    budget, unit_cost
        What all contacts may cost, and what one costs.
    capacity
        Contacts that can be made.
    pause_days
        Days without a campaign before a contact.
    household
        One contact per household, and one arm.
    control_share
        Share of those chosen who are held back, so that the effect can be measured; `auto` is the share that finds
        `minimum_effect`, given `base_rate` and the contacts that budget and capacity allow.
    base_rate
        Share of customers who are expected to buy within the horizon without the campaign.
    strata
        Shares of strata, of which the first that holds counts; `control_share` is for all others.
    horizon_days, outcome, minimum_effect
        Days after the contact in which the outcome counts; what counts; the smallest difference worth finding, in share
        of customers who buy.
    starts, ends
        First and last as-of date on which it chooses anyone; without them there is no limit.
    audience
        Rules; the first that holds counts, and the last always does.
    order
        For each key the columns of which the first that is known counts; the largest first.
    columns
        What the file has of `marts.campaign_audience`.
    """

    name: str
    owner: str = Field(min_length=1)
    objective: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    offer: str | None = Field(None, min_length=1)
    channels: tuple[Literal["email", "post", "call", "text"], ...] = Field(min_length=1)
    purpose: Literal["marketing"] = "marketing"
    priority: int = Field(ge=1, strict=True)
    budget: Amount | None = None
    unit_cost: Amount | None = None
    capacity: int | None = Field(None, ge=1, strict=True)
    pause_days: int = Field(14, ge=0, strict=True)
    household: bool = Field(False, strict=True)
    control_share: Control = Decimal("0.1")
    base_rate: Share | None = None
    strata: tuple[Stratum, ...] = ()
    horizon_days: Days = 28
    outcome: Literal["purchases", "net_sales", "margin"] = "purchases"
    minimum_effect: Share = Decimal("0.05")
    starts: date | None = None
    ends: date | None = None
    audience: tuple[Rule, ...] = Field(min_length=1)
    order: tuple[tuple[str, ...], ...] = Field((("clv_future",), ("net_revenue",)), min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)

    @property
    def permitted_by(self) -> str:
        """SQL that says whether a customer may be contacted: null where nothing is known, which is not yes."""
        return f"({' or '.join(f'can_{channel}' for channel in dict.fromkeys(self.channels))})"

    @property
    def blocked_because(self) -> str:
        """SQL that says why none of the channels can be used; null where one can."""
        blocks = [f"can_{channel}_block" for channel in dict.fromkeys(self.channels)]
        if len(blocks) == 1:
            return blocks[0]
        return (
            f"case when {' and '.join(f'{block} is not null' for block in blocks)} then least({', '.join(blocks)}) end"
        )

    @property
    def channels_in_words(self) -> str:
        """`e-mail or letter`."""
        return " or ".join(words for channel, words in CHANNELS.items() if channel in self.channels)

    @property
    def limit(self) -> int | None:
        """Contacts that capacity and budget allow; None where nothing limits them."""
        limits = [self.capacity] if self.capacity is not None else []
        if self.budget and self.unit_cost and self.unit_cost.amount > 0:
            limits.append(int(self.budget.amount // self.unit_cost.amount))
        return min(limits, default=None)

    @property
    def sized_share(self) -> Decimal | None:
        """What `auto` comes to; None where not even half of the customers held back are enough."""
        if self.base_rate is None or not self.limit:
            return None
        return share_needed(self.limit, float(self.base_rate), float(self.minimum_effect))

    @property
    def held_share(self) -> Decimal:
        """Share of those chosen who are held back, outside of the strata."""
        share = self.sized_share if self.control_share == "auto" else self.control_share
        assert isinstance(share, Decimal)  # the file was checked
        return share

    def is_active(self, as_of: date) -> bool:
        """Whether it chooses anyone on a day."""
        return (self.starts is None or self.starts <= as_of) and (self.ends is None or as_of <= self.ends)


@cache
def read_campaigns(folder: Path | None = None) -> dict[str, Campaign]:
    """Return all campaigns by name, in the order of their priority.

    Raises
    ------
    UserError
        A file says something that is no campaign; the message names file, line, and what is wrong.
    """
    paths = (folder or project.CAMPAIGNS).glob("[!.]*.yml")
    return _in_order(map(read_campaign, paths))


def read_edited(path: Path) -> dict[str, Campaign]:
    """Return all campaigns as they would be with this file in campaigns/, in place of the one of its name.

    Raises
    ------
    UserError
        The file says something that is no campaign.
    """
    edited = read_campaign(path)
    return _in_order([edited, *(campaign for campaign in read_campaigns().values() if campaign.name != edited.name)])


def _in_order(campaigns: Iterable[Campaign]) -> dict[str, Campaign]:
    ordered = sorted(campaigns, key=lambda campaign: (campaign.priority, campaign.name))
    return {campaign.name: campaign for campaign in ordered}


def read_campaign(path: Path) -> Campaign:
    """Return the campaign of a file.

    Raises
    ------
    UserError
        It says something that is no campaign; the message names file, line, and what is wrong.
    """
    if not NAME.fullmatch(path.stem):
        raise UserError(
            f"{project.shown(path)}: names of campaigns have lower-case letters, digits and _. Rename the file."
        )
    file = read_yaml(path)
    try:
        campaign = Campaign.model_validate({**file.content, "name": path.stem})
    except ValidationError as error:
        first = error.errors()[0]
        keys = [key for key in first["loc"] if key != "name"]
        said = first["msg"].removeprefix("Value error, ")
        raise wrong(file, keys, f"{'.'.join(map(str, keys))}: {said}") from error
    check_campaign(file, campaign)
    return campaign
