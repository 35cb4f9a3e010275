"""A dry run: the files of a source are landed into a scratch folder, and read as a build would read them."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base.duck import connect, quote_identifier, quote_literal
from pipeline.base.settings import Settings, load_settings
from pipeline.build.dbt import build_variables
from pipeline.build.models import Models
from pipeline.build.plan import Plan, plan_build, save_plan
from pipeline.landing import land_source

FIRST_ROWS = 10


@dataclass(frozen=True)
class Fate:
    """Rows of one entity and one fate. `entity` is empty for rows that no staging model reads."""

    entity: str
    fate: str
    reason: str | None
    rows: int


@dataclass(frozen=True)
class Month:
    """What was sold in a month. `orders` are purchases; `refunds` are dated on the refund."""

    month: str
    orders: int
    net_sales: Decimal
    refunds: Decimal


@dataclass(frozen=True)
class Outcome:
    """What a build of a source alone would publish.

    Attributes
    ----------
    received
        Landed rows, by table.
    fates
        What becomes of them.
    months
        Sales and refunds by month; empty where the source has no orders.
    unsold, unsold_orders
        What orders that their status calls unpaid or cancelled would bring, and how many they are.
    shipping
        The part of the sales that is delivery.
    customers, buyers
        Customers, and those of them with a purchase.
    rows
        The first rows of each entity as the contract sees them: column names, and values.
    """

    currency: str
    received: dict[str, int]
    fates: list[Fate]
    months: list[Month] = field(default_factory=list)
    unsold: Decimal = Decimal(0)
    unsold_orders: int = 0
    shipping: Decimal = Decimal(0)
    customers: int = 0
    buyers: int = 0
    rows: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = field(default_factory=dict)

    @property
    def orders(self) -> int:
        """Purchases."""
        return sum(month.orders for month in self.months)

    @property
    def net_sales(self) -> Decimal:
        """Sales of all months."""
        return sum((month.net_sales for month in self.months), Decimal(0))

    @property
    def refunds(self) -> Decimal:
        """Refunds of all months."""
        return sum((month.refunds for month in self.months), Decimal(0))


@dataclass(frozen=True)
class ScratchSettings(Settings):
    """Settings of a dry run: it writes to a scratch folder, and finds files where they are."""

    real_home: Path

    @property
    def named_home(self) -> Path:
        """As for a build."""
        return self.real_home


def dry_run(name: str, env: Mapping[str, str] = os.environ) -> Outcome:
    """Land a source into a scratch folder and judge its rows, without dbt; nothing of it stays.

    Raises
    ------
    UserError
        Its files cannot be read, or one of its models cannot be run.
    """
    with models_of(name, env) as (models, plan):
        return outcome_of(models, plan)


@contextmanager
def models_of(name: str, env: Mapping[str, str] = os.environ) -> Iterator[tuple[Models, Plan]]:
    """Land a source into a scratch folder; give the models over it, which are made when they are asked for."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch, closing(connect()) as connection:
        settings, plan = land(name, Path(scratch), env)
        yield Models(connection, {**build_variables(settings, plan), "new_files": None}), plan


def land(name: str, home: Path, env: Mapping[str, str] = os.environ) -> tuple[Settings, Plan]:
    """Land a source into an empty CRM_HOME, and plan a build of it alone."""
    real = load_settings({**env, "CRM_SOURCES": name})
    settings = ScratchSettings(**{**vars(real), "home": home}, real_home=real.home)
    land_source(settings, name)
    plan = plan_build(settings, needs_orders=False)
    save_plan(settings, plan)
    return settings, plan


def outcome_of(models: Models, plan: Plan) -> Outcome:
    """Judge the rows of a planned build by the models over it."""
    connection, entities = models.connection, list(plan.providers)
    for entity in entities:
        models.make(f"int_{entity}__rows")
    received: dict[str, int] = {}
    for receipt in plan.receipts:
        received[receipt["table"]] = received.get(receipt["table"], 0) + receipt["received"]
    lookups = [table for tables in models.variables["lookups"].values() for table in tables]
    fates = _fates(connection, entities, plan, lookups)
    rows = {entity: _first_rows(connection, entity, models.variables["contract"][entity]) for entity in entities}
    if "orders" not in entities:
        return Outcome(plan.currency, received, fates, rows=rows)
    for model in ("fct_order", "fct_return"):
        models.make(model)
    unsold = "select coalesce(sum(unsold_amount), 0), count(*) filter (not is_purchase and unsold_amount <> 0) "
    sums = f"{unsold}, coalesce(sum(shipping_amount), 0) from fct_order"
    unsold_amount, unsold_orders, shipping = connection.execute(sums).fetchall()[0]
    customers = "select count(distinct customer_id) from int_source_customers"
    buyers = "select count(distinct customer_id) from fct_order where is_purchase and customer_id <> 'unknown'"
    models.make("int_source_customers")
    return Outcome(
        plan.currency,
        received,
        fates,
        _months(connection),
        unsold_amount,
        unsold_orders,
        shipping,
        connection.execute(customers).fetchall()[0][0],
        connection.execute(buyers).fetchall()[0][0],
        rows,
    )


def _fates(connection: duckdb.DuckDBPyConnection, entities: list[str], plan: Plan, lookups: list[str]) -> list[Fate]:
    """Rows by fate, the unreadable ones, and those that no model reads, as the build's receipts count them."""
    judged = " union all ".join(
        f"select {quote_literal(entity)} as entity, _fate as fate, _reason as reason, _table, _file, _position "
        f"from {quote_identifier(f'int_{entity}__rows')} where not _is_derived"
        for entity in entities
    )
    listed = f"select entity, fate, reason, count(*) from ({judged}) group by all order by all"
    fates = [Fate(*row) for row in connection.execute(listed).fetchall()]
    if unreadable := sum(receipt["unreadable"] for receipt in plan.receipts):
        fates.append(Fate("", "quarantined", "line: not readable", unreadable))
    for table in lookups:
        rows = sum(r["received"] - r["unreadable"] - r["unchanged"] for r in plan.receipts if r["table"] == table)
        fates.append(Fate("lookup", "accepted", None, rows))
    query = f"select _table, count(*) from ({judged}) group by 1"
    accounted = dict(connection.execute(query).fetchall())
    for table in sorted({receipt["table"] for receipt in plan.receipts}):
        landed = sum(r["received"] - r["unreadable"] - r["unchanged"] for r in plan.receipts if r["table"] == table)
        if rest := landed * (table not in lookups) - accounted.get(table, 0):
            fates.append(Fate("", "unaccounted", table, rest))
    return fates


def _months(connection: duckdb.DuckDBPyConnection) -> list[Month]:
    query = """
        with months as (
            select strftime(order_date, '%Y-%m') as month, is_purchase, net_sales, 0 as refunds from fct_order
            union all
            select strftime(return_date, '%Y-%m'), false, 0, case when is_sale then refund_amount else 0 end
            from fct_return
        )
        select month, count(*) filter (is_purchase), sum(net_sales), sum(refunds) from months group by 1 order by 1
    """
    return [Month(*row) for row in connection.execute(query).fetchall()]


def _first_rows(
    connection: duckdb.DuckDBPyConnection, entity: str, spec: Mapping[str, Any]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The first accepted rows of an entity: the columns that have a value, personal ones masked."""
    relation = quote_identifier(f"int_{entity}__rows")
    masked = {*spec.get("personal", []), *(["source_customer_id"] if "source_customer_id" in spec["columns"] else [])}
    filled = [
        column
        for column in spec["columns"]
        if connection.execute(f"select count({quote_identifier(column)}) from {relation}").fetchall()[0][0]
    ]
    shown = ", ".join(
        f"case when {name} is not null then left(cast({name} as varchar), 1) || '…' end as {name}"
        if column in masked
        else name
        for column in filled
        for name in [quote_identifier(column)]
    )
    order = ", ".join(map(quote_identifier, spec["key"]))
    query = f"select {shown} from {relation} where _fate = 'accepted' order by {order} limit {FIRST_ROWS}"
    return filled, connection.execute(query).fetchall() if filled else []
