"""Made-up universes of customers, judged by the model of the mart on a small database in memory."""

import random
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

import pyarrow as pa

from pipeline.base.catalog import table
from pipeline.base.duck import connect
from pipeline.base.settings import Settings, load_settings
from pipeline.build.models import Models
from pipeline.campaigns import Campaign, campaign_variables

AS_OF = date(2026, 3, 31)
TABLES = ("customer_360", "campaign_customer", "part_customer_birthday")
KINDS = {"string": "varchar"}


class Universe:
    """A database in memory with customers, that campaigns are judged on again and again."""

    def __init__(self) -> None:
        self.connection = connect()
        self.connection.execute("set threads = 1")  # of small tables, faster than two
        for name in TABLES:
            columns = [f"{each.name} {KINDS.get(str(each.data_type), each.data_type)}" for each in table(name).columns]
            self.connection.execute(f"create table {name} ({', '.join(columns)})")
        self.models = Models(self.connection, {"currency": "EUR", "currency_digits": 2})
        self.models.made |= {*TABLES}

    def fill(self, customers: Sequence[dict[str, Any]]) -> None:
        """Replace all customers; a column that is not given is null."""
        for name in TABLES:
            columns = [each.name for each in table(name).columns]
            self.connection.execute(f"delete from {name}")
            rows = pa.Table.from_pylist([{key: row.get(key) for key in columns} for row in customers])
            self.connection.register("given", rows)
            self.connection.execute(f"insert into {name} by name from given")
            self.connection.unregister("given")

    def judge(self, campaigns: Sequence[Campaign], settings: Settings) -> list[dict[str, Any]]:
        """Return the rows of campaign_audience."""
        self.models.variables |= campaign_variables(campaigns, settings, as_of=AS_OF, currency="EUR")
        self.models.made.discard("campaign_audience")
        self.connection.execute("drop table if exists campaign_audience")
        self.models.make("campaign_audience")
        found = self.connection.execute("from campaign_audience order by list_name, customer_id")
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
        **{f"can_{channel}": True for channel in ("email", "post", "call", "text", "email_or_post")},
        **known,
    }


def random_customers(chance: random.Random, number: int) -> list[dict[str, Any]]:
    """Customers of whom anything may be true, with few households, so that many share one."""
    made = []
    for each in range(number):
        since = chance.choice([None, None, *range(40)])
        of_household = chance.choice([since, chance.choice([since, 0])]) if since is not None else None
        made.append(
            customer(
                f"c{each:03}",
                purchases=chance.randint(0, 4),
                net_revenue=chance.choice([0, 5, 5, 20, 99]),
                tier=chance.choice([None, "gold", "lead"]),
                household_id=chance.choice([None, *(f"h{n}" for n in range(max(1, number // 3)))]),
                withheld_because=chance.choice([None] * 6 + ["deleted at the source", "objects to profiling"]),
                has_contact_details=chance.random() > 0.1,
                has_open_complaint=chance.random() < 0.1,
                is_minor=chance.random() < 0.1,
                days_since_campaign=since,
                household_days_since_campaign=of_household,
                is_universal_control=chance.random() < 0.1,
                **{f"can_{channel}": chance.random() < 0.8 for channel in ("email", "post", "call", "text")},
            )
        )
    return made


def random_campaigns(chance: random.Random) -> list[Campaign]:
    """One to four campaigns, in the order of their priority."""
    return [
        Campaign.model_validate(
            {
                "name": f"campaign_{number}",
                "owner": "marketing",
                "objective": "any",
                "definition": "Anybody.",
                "channels": chance.sample(["email", "post", "call", "text"], chance.randint(1, 2)),
                "priority": number + 1,
                "capacity": chance.choice([None, 1, 3, 9]),
                "control_share": chance.choice(["0", "0.3", "0.6"]),
                "pause_days": chance.choice([0, 7, 30]),
                "household": chance.random() < 0.5,
                "audience": [
                    {"out": "of no tier", "when": "tier is null"},
                    {"in": "has bought", "when": f"purchases >= {chance.randint(0, 2)}"},
                    {"out": "has not bought enough"},
                ],
                "order": chance.choice([[["net_revenue"]], [["purchases", "net_revenue"]], [["clv_future"]]]),
                "columns": ["reason"],
            }
        )
        for number in range(chance.randint(1, 4))
    ]
