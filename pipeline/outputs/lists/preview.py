"""What a campaign would do, before anything is written: the waterfall, who would be contacted, what is known of it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base import settings as project
from pipeline.base.duck import quote_literal
from pipeline.base.errors import UserError
from pipeline.base.scratch import working_connection
from pipeline.base.settings import Settings
from pipeline.campaigns import Campaign, read_campaigns, read_edited
from pipeline.campaigns.columns import reason_groups
from pipeline.outputs.lists.choice import choose
from pipeline.serving.releases import CONTACTS, DATABASE, attach_read_only, current_release

EXAMPLES = 20
LEARNINGS = 5
MEASURES = ["purchases", "conversion", "margin", "net_sales", "response"]
"""One of a campaign and segment is cited: one that is certain, else the first of these."""
SEGMENT_SHARE = 0.2
"""Of a list, from which on what was learned of a segment is cited."""
EXAMPLE_COLUMNS = (
    "list_rank",
    "customer_id",
    "reason",
    "segment_name",
    "tier",
    "lifecycle_stage",
    "last_order_date",
    "clv_future",
    "expected_loss",
)


@dataclass(frozen=True)
class Step:
    """A step of the waterfall: how many customers it leaves out, how many stay, and the reasons in it."""

    group: str
    customers: int
    left: int
    reasons: list[tuple[str, int]]


@dataclass(frozen=True)
class Evidence:
    """What earlier campaigns of the same objective brought: how many, response rate, margin per treated customer.

    `learnings` are rows of `marts.campaign_learnings` of the same objective or offer that are still valid, of everybody
    and of the segments that are a fifth of the list or more.
    """

    campaigns: int
    certain: int
    response_rate: float | None
    margin: Decimal | None
    learnings: list[dict[str, Any]]


@dataclass(frozen=True)
class Worth:
    """What those who would be contacted bring without it: margin within the horizon, and margin per purchase.

    None where no value is known. `break_even` is the share of them that must buy once more to pay for the contacts.
    """

    margin: Decimal | None
    margin_per_purchase: Decimal | None
    break_even: float | None


@dataclass(frozen=True)
class Preview:
    """What a campaign would do on a release.

    `chosen` customers are contacted or held back; `purchase_rate` is the share of them that is expected to buy within
    the campaign's horizon without it, by their scores, and None where too few have one.
    """

    campaign: Campaign
    release_id: str
    as_of: date
    currency: str
    customers: int
    steps: list[Step]
    contacts: int
    control: int
    purchase_rate: float | None
    worth: Worth
    evidence: Evidence
    examples: list[dict[str, Any]]

    @property
    def cost(self) -> Decimal | None:
        """Of all contacts; None where a contact's cost is not known."""
        return self.contacts * self.campaign.unit_cost.amount if self.campaign.unit_cost else None


def preview(settings: Settings, name: str) -> Preview:
    """Judge all customers of the published release by a campaign as its file is now, as if its dates held.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    name
        A campaign in campaigns/, or the path of a campaign's file.

    Raises
    ------
    UserError
        There is no such campaign, its file is wrong, or nothing is published.
    """
    campaigns, campaign, path = _asked(name)
    with working_connection(settings.home) as connection:
        connection.execute(f"set memory_limit = '{settings.memory_gb}GB'")
        folder = current_release(settings)
        attach_read_only(connection, folder / DATABASE, "release")
        attach_read_only(connection, folder / CONTACTS, "contacts_file")
        ((release_id, as_of, currency),) = connection.execute(
            "select release_id, as_of_date, currency from release.marts.release"
        ).fetchall()
        begun = campaign.model_copy(update={"starts": None, "ends": None})
        before = [
            each for each in campaigns.values() if each.priority <= campaign.priority and each.name != campaign.name
        ]
        choose(connection, settings, [*before, begun], as_of=as_of, currency=currency, paths={campaign.name: path})
        connection.execute(
            f"create view judged as from campaign_audience where list_name = {quote_literal(campaign.name)}"
        )
        steps = _steps(connection)
        return Preview(
            campaign=campaign,
            release_id=release_id,
            as_of=as_of,
            currency=currency,
            customers=sum(step.customers for step in steps),
            steps=steps,
            contacts=next((step.customers for step in steps if step.group == "on the list"), 0),
            control=next((step.customers for step in steps if step.group == "control group"), 0),
            purchase_rate=_purchase_rate(connection, campaign.horizon_days),
            worth=_worth(connection, campaign),
            evidence=_evidence(connection, campaign, as_of),
            examples=_examples(connection),
        )


def _asked(name: str) -> tuple[dict[str, Campaign], Campaign, Path]:
    path = Path(name)
    if path.suffix == ".yml":
        campaigns = read_edited(path)
        return campaigns, campaigns[path.stem], path
    campaigns = read_campaigns()
    if name not in campaigns:
        known = ", ".join(sorted(campaigns)) or "none"
        raise UserError(f"There is no campaign '{name}' in campaigns/: give one of {known}, or the path of a file.")
    return campaigns, campaigns[name], project.CAMPAIGNS / f"{name}.yml"


def _steps(connection: duckdb.DuckDBPyConnection) -> list[Step]:
    rows = connection.execute("select reason_group, reason, count(*) from judged group by all order by 3 desc, 2")
    counted = rows.fetchall()
    left, steps = sum(number for *_, number in counted), []
    for group in reason_groups():
        reasons = [(reason.split(": ", 1)[1], number) for each, reason, number in counted if each == group]
        if reasons:
            customers = sum(number for _, number in reasons)
            left -= 0 if group == "on the list" else customers
            steps.append(Step(group, customers, left, reasons))
    return steps


def _purchase_rate(connection: duckdb.DuckDBPyConnection, horizon_days: int) -> float | None:
    """Return the mean chance of a purchase of those chosen, where it is known of at least half of them.

    It is from the churn score or, without one, from the expected purchases, as if these came at random. Both are
    for horizons of their own, and are carried over to the campaign's as if purchases came at an even pace.
    """
    ((rate, scored, chosen),) = connection.execute(
        """
        with chances as (
            select coalesce(
                1 - pow(churn.churn_probability, $1 / churn.horizon_days),
                1 - exp(-clv.expected_purchases * $1 / clv.horizon_days)
            ) as chance
            from judged
            left join release.marts.customer_churn as churn using (customer_id)
            left join release.marts.customer_clv as clv using (customer_id)
            where arm is not null
        )
        select round(avg(chance), 4), count(chance), count(*) from chances
        """,
        [horizon_days],
    ).fetchall()
    return rate if scored * 2 >= chosen and scored else None


def _worth(connection: duckdb.DuckDBPyConnection, campaign: Campaign) -> Worth:
    """Sum the values of those on the list, carried over to the horizon as if purchases came at an even pace."""
    ((margin, per_purchase),) = connection.execute(
        """
        select
            cast(sum(clv.clv_future * $1 / clv.horizon_days) as decimal(18, 4)),
            cast(sum(clv.clv_future) / nullif(sum(clv.expected_purchases), 0) as decimal(18, 4))
        from judged
        inner join release.marts.customer_clv as clv using (customer_id)
        where is_included and clv.clv_future is not null
        """,
        [campaign.horizon_days],
    ).fetchall()
    cost = campaign.unit_cost.amount if campaign.unit_cost else None
    pays = cost is not None and per_purchase is not None and per_purchase > 0
    return Worth(margin, per_purchase, round(float(cost / per_purchase), 4) if pays else None)


def _evidence(connection: duckdb.DuckDBPyConnection, campaign: Campaign, as_of: date) -> Evidence:
    row = connection.execute(
        """
        select
            count(*), count(*) filter (where is_effect_certain),
            sum(responded_customers) / nullif(sum(reached_customers), 0),
            sum(incremental_capped_margin) filter (where treated_customers > 0),
            sum(treated_customers) filter (where incremental_capped_margin is not null)
        from release.marts.campaign_performance where objective = $1
        """,
        [campaign.objective],
    ).fetchall()[0]
    campaigns, certain, response_rate, margin, treated = row
    each = (Decimal(margin) / treated).quantize(Decimal("0.0001")) if margin is not None and treated else None
    rate = None if response_rate is None else round(response_rate, 4)
    return Evidence(campaigns, certain, rate, each, _learnings(connection, campaign, as_of))


def _learnings(connection: duckdb.DuckDBPyConnection, campaign: Campaign, as_of: date) -> list[dict[str, Any]]:
    """Return what is known of the same objective or offer, and of such customers.

    One measure of each campaign and segment. Caused before matched and described, certain before others, everybody
    before segments, the newest first.
    """
    names = ("campaign_id", "offer", "finding", "evidence", "adjusted_p_value", "valid_until")
    rows = connection.execute(
        f"""
        with listed as (
            select campaign_segment as segment
            from judged
            inner join release.marts.campaign_customer using (customer_id)
            where is_included
            group by all
            having count(*) >= {SEGMENT_SHARE} * (select count(*) from judged where is_included)
        )
        select {", ".join(names)} from release.marts.campaign_learnings
        where
            (objective = $1 or offer = $2) and valid_until >= $3
            and (segment = 'everybody' or segment in (select segment from listed))
        qualify row_number() over (
            partition by campaign_id, segment, evidence
            order by coalesce(is_certain, false) desc, list_position({MEASURES}, measure), measure
        ) = 1
        order by
            list_position(['randomised', 'matched', 'description'], evidence), coalesce(offer = $2, false) desc,
            coalesce(is_certain, false) desc, segment = 'everybody' desc, learned_date desc,
            campaign_id, segment, measure
        limit {LEARNINGS}
        """,
        [campaign.objective, campaign.offer, as_of],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _examples(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    rows = connection.execute(
        f"select {', '.join(EXAMPLE_COLUMNS)} from judged where is_included order by list_rank limit {EXAMPLES}"
    ).fetchall()
    return [dict(zip(EXAMPLE_COLUMNS, row, strict=True)) for row in rows]
