"""Made-up universes of customers, judged by the model of the mart on a small database in memory."""

import random
from collections.abc import Collection, Sequence
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa

from pipeline.base.catalog import table
from pipeline.base.duck import connect
from pipeline.base.settings import Settings, load_settings
from pipeline.build.models import Models
from pipeline.campaigns import Campaign, campaign_variables
from pipeline.outputs.lists.choice import CHOSEN

AS_OF = date(2026, 3, 31)
CUSTOMERS = ("customer_360", "campaign_customer", "part_customer_birthday")
TABLES = (*CUSTOMERS, "campaign_performance", "campaign_uplift")
PLACES = "order by turn asc, place asc rows between unbounded preceding and current row"
CHANNELS = ("email", "post", "call", "text")
STRATUM = {"when": "kind = 'organisation'", "control_share": "0.8"}
OBJECTIVES = ("sale", "thanks", "new")
BLOCKS = ("no consent", "suppressed", "bounced", "no contact details")
KINDS = {"string": "varchar"}
Rows = Sequence[dict[str, Any]]


class Universe:
    """A database in memory with customers, that campaigns are judged on again and again.

    Parameters
    ----------
    columns
        Those that the tables have; all of the ymls where none are given. Few columns are judged faster.
    """

    def __init__(self, columns: Collection[str] = ()) -> None:
        self.connection = connect()
        self.connection.execute("set threads = 1")  # of small tables, faster than two
        self.columns = {
            name: {
                each.name: KINDS.get(str(each.data_type), str(each.data_type))
                for each in table(name).columns
                if not columns or each.name in columns
            }
            for name in TABLES
        }
        for name in TABLES:
            typed = ", ".join(f"{column} {kind}" for column, kind in self.columns[name].items())
            self.connection.execute(f"create table {name} ({typed})")
        self.models = Models(self.connection, {"currency": "EUR", "currency_digits": 2})
        self.models.made |= {*TABLES}

    def fill(
        self,
        customers: Sequence[dict[str, Any]],
        earlier: Sequence[dict[str, Any]] = (),
        uplifts: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Replace all customers, what earlier campaigns brought, and uplifts; a column that is not given is null."""
        given = dict.fromkeys(CUSTOMERS, customers) | {"campaign_performance": earlier, "campaign_uplift": uplifts}
        for name in TABLES:
            rows = [{key: row.get(key) for key in self.columns[name]} for row in given[name]]
            self.connection.execute(f"delete from {name}")
            if rows:
                self.connection.register("given", pa.Table.from_pylist(rows))
                self.connection.execute(f"insert into {name} by name from given")
                self.connection.unregister("given")

    def judge(
        self, campaigns: Sequence[Campaign], settings: Settings, *, universe: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of campaign_audience.

        Parameters
        ----------
        campaigns, settings
            See `campaign_variables`.
        universe
            SQL that says of a customer_id to which of many universes it belongs: each has capacities of its own.
            Nothing else of a campaign of a priority of its own depends on the customers of another universe.
        """
        self.models.variables |= campaign_variables(campaigns, settings, as_of=AS_OF, currency="EUR")
        sql = self.models.environment.get_template(CHOSEN).render()
        if universe:
            assert PLACES in sql
            sql = sql.replace(PLACES, f", {universe} {PLACES}")
        found = self.connection.execute(f"from ({sql}) order by list_name, customer_id")
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


@cache
def settings_with(universal: str = "0.1") -> Settings:
    """Settings with a larger universal control group, so that small universes have one."""
    return load_settings({"CRM_SOURCES": "*", "CRM_UNIVERSAL_CONTROL_SHARE": universal})


def customer(name: str, **known: Any) -> dict[str, Any]:
    """A customer whom nothing keeps from being contacted."""
    return {
        "customer_id": name,
        "as_of_date": AS_OF,
        "purchases": 2,
        "net_revenue": 10,
        "has_contact_details": True,
        "has_open_complaint": False,
        "is_minor": False,
        "is_universal_control": False,
        **{f"can_{channel}": True for channel in (*CHANNELS, "email_or_post")},
        **known,
    }


def random_customers(chance: random.Random, number: int, universe: str = "") -> list[dict[str, Any]]:
    """Customers of whom anything may be true, with few households, so that many share one."""
    made = []
    for each in range(number):
        since = chance.choice([None, None, *range(40)])
        of_household = chance.choice([since, chance.choice([since, 0])]) if since is not None else None
        blocks = {channel: chance.choice([None] * 8 + list(BLOCKS)) for channel in CHANNELS}
        made.append(
            customer(
                f"{universe}c{each:03}",
                purchases=chance.randint(0, 4),
                net_revenue=chance.choice([0, 5, 5, 20, 99]),
                clv_future=chance.choice([None, 0, 7, 30]),
                kind=chance.choice(["person", "organisation", None]),
                tier=chance.choice([None, "gold", "lead"]),
                household_id=chance.choice([None, *(f"{universe}h{n}" for n in range(max(1, number // 3)))]),
                withheld_because=chance.choice(
                    [None] * 12 + ["deleted at the source", "deceased", "objects to profiling"]
                ),
                has_open_complaint=chance.random() < 0.1,
                is_minor=chance.random() < 0.1,
                days_since_campaign=since,
                household_days_since_campaign=of_household,
                is_universal_control=chance.random() < 0.1,
                **{f"can_{channel}_block": block for channel, block in blocks.items()},
                **{f"can_{channel}": block in (None, BLOCKS[-1]) for channel, block in blocks.items()},
            )
        )
    return made


def random_evidence(chance: random.Random) -> list[dict[str, Any]]:
    """What earlier campaigns brought, of some objectives and of some campaigns only."""
    return [
        {
            "campaign_id": f"e{each}",
            "objective": chance.choice(OBJECTIVES[:2]),
            "start_date": date(2025, chance.randint(1, 3), 1),
            "treated_customers": chance.choice([0, 10, 40]),
            "incremental_capped_margin": chance.choice([None, -20, 0, 60]),
        }
        for each in range(chance.randint(0, 4))
    ]


def random_uplifts(chance: random.Random, customers: Rows, earlier: Rows) -> list[dict[str, Any]]:
    """What some earlier campaigns would change of some customers."""
    return [
        {
            "campaign_id": campaign["campaign_id"],
            "customer_id": customer["customer_id"],
            "expected_margin": chance.choice([None, -3, 2, 2, 9]),
            "expected_uplift": chance.choice([-0.25, 0.125, 0.5]),
        }
        for campaign in earlier
        if chance.random() < 0.5
        for customer in customers
        if chance.random() < 0.7
    ]


def random_campaigns(chance: random.Random, *, one_by_one: bool = False) -> list[Campaign]:
    """One to four campaigns, each of a priority of its own, or some of one priority."""
    return [
        Campaign.model_validate(
            {
                "name": f"campaign_{number}",
                "owner": "marketing",
                "objective": chance.choice(OBJECTIVES),
                "definition": "Anybody.",
                "channels": chance.sample(CHANNELS, chance.randint(1, 2)),
                "priority": number + 1 if one_by_one else chance.randint(1, 3),
                "unit_cost": chance.choice(["0.50", "2"]),
                "horizon_days": chance.choice([14, 60]),
                "strata": strata,
                "capacity": chance.choice([None, 1, 3, 9]),
                "control_share": chance.choice(["0", "0.3", "0.6"]),
                "pause_days": chance.choice([0, 7, 30]),
                "household": not strata and chance.random() < 0.6,
                "audience": [
                    {"out": "of no tier", "when": "tier is null"},
                    {"in": "has bought", "when": f"purchases >= {chance.randint(0, 2)}"},
                    {"out": "has not bought enough"},
                ],
                "order": chance.choice([[["net_revenue"]], [["purchases", "net_revenue"]], [["clv_future"]]]),
                "columns": ["reason"],
            }
        )
        for number, strata in enumerate(chance.choices([(), (STRATUM,)], [3, 1], k=chance.randint(1, 4)))
    ]
