"""What the marts say of the customers of a first look: plain rows, with pseudonyms in place of names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np

from pipeline.campaigns import Campaign, read_campaigns
from pipeline.onboarding.first_look.look import Look

SHOWN = 5
LISTED = 10
POINTS = 100
MARTS = ("customer_360", "segment_profile", "campaign_audience", "clv_statement", "dim_customer_contact")


@dataclass(frozen=True)
class Segment:
    """Customers of a segment, and what they have bought."""

    name: str
    customers: int
    net_sales: Decimal


@dataclass(frozen=True)
class Mover:
    """Somebody who buys more, or less, than before. `usual` are purchases of as many days, at the own pace before."""

    customer: str
    recent: int
    usual: float | None
    net_sales: Decimal
    last_purchase: date


@dataclass(frozen=True)
class Movers:
    """How many move one way, and the largest of them."""

    customers: int
    shown: Sequence[Mover]


@dataclass(frozen=True)
class Line:
    """A line of a customer's statement; without an amount it has the reason."""

    part: str
    line: str
    amount: Decimal | None
    reason: str | None


@dataclass(frozen=True)
class Member:
    """Somebody in the campaign list."""

    customer: str
    reason: str
    segment: str | None
    last_purchase: date | None
    at_stake: Decimal | None


@dataclass(frozen=True)
class CampaignList:
    """A campaign list: who would be in it, who is out and why.

    `steps` are the reasons in the order of the campaign's rules, with the customers whom each leaves out.
    `has_consents`: whether the files say what customers allow. Without it nobody may be written to.
    """

    name: str
    definition: str
    channels: str
    customers: int
    steps: Sequence[tuple[str, int]]
    reasons: Sequence[tuple[str, int]]
    members: Sequence[Member]
    has_consents: bool

    @property
    def included(self) -> int:
        """Customers whom the rules put in."""
        return sum(number for _, number in self.reasons)


@dataclass(frozen=True)
class Facts:
    """What is said of customers.

    `concentration` has the share of the net sales that the best 0 %, 1 %, … 100 % of the buyers bring.
    """

    concentration: Sequence[float]
    segments: Sequence[Segment]
    rising: Movers
    slipping: Movers
    statement_of: str | None
    statement: Sequence[Line] = field(default_factory=list)
    campaign: CampaignList | None = None


def read_facts(look: Look, *, with_names: bool) -> Facts:
    """Build the marts, and read from them."""
    for name in MARTS:
        look.models.make(name)
    connection = look.models.connection
    connection.execute(f"create or replace temp view shown_customer as {_shown(with_names)}")
    statement_of = _middle_customer(connection)
    return Facts(
        concentration=_concentration(connection),
        segments=_segments(connection),
        rising=_movers(connection, "lifecycle_stage = 'growing'", "net_sales_84d"),
        slipping=_movers(connection, "lifecycle_stage in ('declining', 'dormant')", "features.net_sales"),
        statement_of=statement_of and _name_of(connection, statement_of),
        statement=_statement(connection, statement_of) if statement_of else [],
        campaign=_campaign(look, connection),
    )


def _shown(with_names: bool) -> str:
    """SQL of what each customer is called on the page."""
    if not with_names:
        return "select customer_id, customer_id as shown from customer_360"
    name = "coalesce(full_name, nullif(concat_ws(' ', given_name, family_name), ''), email)"
    return (
        f"select customer_id, coalesce({name}, customer_id) as shown from customer_360 "
        "left join dim_customer_contact using (customer_id)"
    )


def _name_of(connection: duckdb.DuckDBPyConnection, customer_id: str) -> str:
    query = "select shown from shown_customer where customer_id = ?"
    return str(connection.execute(query, [customer_id]).fetchall()[0][0])


def _concentration(connection: duckdb.DuckDBPyConnection) -> list[float]:
    query = "select net_sales from customer_360 where purchases > 0 order by net_sales desc, customer_id"
    sales = np.array([float(amount) for (amount,) in connection.execute(query).fetchall()])
    if sales.sum() <= 0:
        return []
    upto = sales.cumsum() / sales.sum()
    places = -(-len(sales) * np.arange(1, POINTS + 1) // POINTS)
    return [0.0, *upto[np.maximum(places, 1) - 1].tolist()]


def _segments(connection: duckdb.DuckDBPyConnection) -> list[Segment]:
    query = """
        select segment_name, count(*), sum(customers.net_sales)
        from customer_360 as customers join segment_profile as profile using (segment_name)
        group by segment_name, segment_rank order by segment_rank
    """
    return [Segment(*row) for row in connection.execute(query).fetchall()]


def _movers(connection: duckdb.DuckDBPyConnection, condition: str, largest: str) -> Movers:
    query = f"""
        select
            shown, purchase_days_84d, round((purchase_days - 1) * 84.0 / nullif(tenure_days, 0), 1),
            customers.net_sales, last_purchase_date, count(*) over ()
        from customer_360 as customers
        join customer_features as features using (customer_id, as_of_date)
        join shown_customer using (customer_id)
        where {condition}
        order by {largest} desc, customer_id limit {SHOWN}
    """
    rows = connection.execute(query).fetchall()
    return Movers(rows[0][-1] if rows else 0, [Mover(*row[:-1]) for row in rows])


def _middle_customer(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The customer in the middle of the two upper tiers, or of all buyers: neither the best nor a chance visitor."""
    query = """
        with ranked as (
            select
                customer_id,
                row_number() over (order by clv_total desc nulls last, net_sales desc, customer_id) as place,
                count(*) over () as customers
            from customer_360 where purchases > 0 and (tier in ('platinum', 'gold') or not exists (
                select 1 from customer_360 where tier in ('platinum', 'gold')))
        )
        select customer_id from ranked where place = (customers + 1) // 2
    """
    found = connection.execute(query).fetchall()
    return str(found[0][0]) if found else None


def _statement(connection: duckdb.DuckDBPyConnection, customer_id: str) -> list[Line]:
    query = "select part, line, amount, reason from clv_statement where customer_id = ? order by line_order"
    return [Line(*row) for row in connection.execute(query, [customer_id]).fetchall()]


def _campaign(look: Look, connection: duckdb.DuckDBPyConnection) -> CampaignList | None:
    campaign = _first_with_customers(connection)
    if campaign is None:
        return None
    query = """
        select reason, is_included, count(*) from campaign_audience where list_name = ? group by all order by 3 desc, 1
    """
    counted: list[tuple[Any, ...]] = connection.execute(query, [campaign.name]).fetchall()
    places = {rule.reason: number for number, rule in enumerate(campaign.audience)}
    counted.sort(key=lambda row: places.get(row[0], len(places)))
    query = f"""
        select shown, regexp_replace(reason, '^in: ', ''), audience.segment_name, audience.last_order_date,
            audience.expected_loss
        from campaign_audience as audience
        join shown_customer using (customer_id)
        where list_name = ? and is_included order by list_rank limit {LISTED}
    """
    return CampaignList(
        name=campaign.name,
        definition=campaign.definition,
        channels=campaign.channels_in_words,
        customers=sum(number for *_, number in counted),
        steps=[(reason.removeprefix("out: "), number) for reason, inside, number in counted if not inside],
        reasons=[(reason.removeprefix("in: "), number) for reason, inside, number in counted if inside],
        members=[Member(*row) for row in connection.execute(query, [campaign.name]).fetchall()],
        has_consents=bool(look.plan.providers.get("consents")),
    )


def _first_with_customers(connection: duckdb.DuckDBPyConnection) -> Campaign | None:
    """Return the campaign of highest priority that has anyone on its list; without one, the first that was judged."""
    query = "select list_name, count(*) filter (where is_included) from campaign_audience group by all"
    judged = dict(connection.execute(query).fetchall())
    campaigns = [campaign for name, campaign in read_campaigns().items() if name in judged]
    return next((campaign for campaign in campaigns if judged[campaign.name]), next(iter(campaigns), None))
