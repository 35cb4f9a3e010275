"""Small published databases: a few customers, what they bought, and what was scored."""

import datetime as dt
import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.duck import connect
from pipeline.base.files import write_sealed
from pipeline.base.settings import Settings
from tests.support.builds.states import MANIFEST

AS_OF = dt.date(2026, 3, 31)
UNKNOWN = "unknown"
TABLES = """
create schema core; create schema marts; create schema ops;
create table marts.release as
select 'r-1' as release_id, 'shop' as sources, $currency as currency, $as_of::date as as_of_date,
    $checks as checks_passed;
create table ops.load_receipts as
select 'shop' as source, 'sales' as table_name, $rows::bigint as received, 0::bigint as quarantined,
    0::bigint as duplicates, 0::bigint as excluded;
create table core.fct_order (customer_id varchar, order_date date, net_sales decimal(18, 4), is_purchase boolean,
    known_date date);
create table core.fct_return (return_date date, refund_amount decimal(18, 4), is_sale boolean, known_date date);
create table core.fct_contact (contact_date date, known_date date);
create table core.fct_case (opened_date date, resolved_date date, known_date date);
create table core.customers (customer_id varchar, segment_id int, segment_name varchar, clv_total decimal(18, 4),
    reason varchar);
create table marts.campaign_performance (campaign_id varchar, is_effect_certain boolean);
create table marts.model_runs (job varchar, decision varchar);
create table marts.identity_coverage (records bigint, linked_records bigint, contact_records bigint);
create table ops.identity_review (verdict varchar);
create table marts.score_outcomes (
    run_id varchar, measure varchar, as_of_date date, horizon_days int, customers bigint, forecast_mean double,
    outcome_mean double, forecast_total double, outcome_total double, bias double, is_bias_certain boolean);
"""
MARTS = """
create table marts.customer_360 as
select
    customer_id, count(o.customer_id) filter (o.is_purchase) as purchases, coalesce(sum(o.net_sales), 0) as net_sales,
    false as is_left_truncated
from core.customers left join core.fct_order as o using (customer_id) group by customer_id;
create table marts.customer_segments as select customer_id, segment_id, segment_name from core.customers;
create table marts.customer_clv as
select
    customer_id, clv_total, clv_total as clv_future, clv_total is not null as is_clv_complete, 365 as horizon_days,
    0.1::double as annual_discount_rate, 'net_sales' as value_basis,
    case when clv_total is null then coalesce(reason, 'no purchase known by the as-of date') end as unavailable_reason
from core.customers;
create table marts.segment_profile as
with summed as (
    select segment_name, min(segment_id) as segment_rank, count(*) as customers, sum(net_sales) as net_sales
    from marts.customer_segments join marts.customer_360 using (customer_id)
    where segment_id is not null group by segment_name
)
select *, case when min(net_sales) over () >= 0
    then net_sales::double / nullif(sum(net_sales) over (), 0) end as net_sales_share
from summed;
"""


@dataclass(frozen=True)
class Buyer:
    """A customer: purchases as (day, amount), and what was scored of it; `reason` where nothing was."""

    name: str
    bought: tuple[tuple[str, str], ...] = ()
    segment: str | None = None
    value: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class World:
    """A company, thin in one way or another. `nobody` are the purchases that name no customer."""

    buyers: tuple[Buyer, ...] = ()
    nobody: tuple[tuple[str, str], ...] = ()
    returns: tuple[tuple[str, str], ...] = ()
    cases: tuple[tuple[str, str | None], ...] = ()
    decisions: tuple[tuple[str, str], ...] = ()
    as_of: dt.date = AS_OF
    currency: str = "EUR"

    def write(self, path: Path) -> None:
        """Write the published database."""
        orders = [(buyer.name, *sale) for buyer in self.buyers for sale in buyer.bought]
        orders += [(UNKNOWN, *sale) for sale in self.nobody]
        segments = sorted({buyer.segment for buyer in self.buyers if buyer.segment})
        customers = [
            (
                *(buyer.name, segments.index(buyer.segment) + 1 if buyer.segment else None, buyer.segment),
                *(buyer.value, buyer.reason),
            )
            for buyer in self.buyers
        ]
        with closing(connect(path)) as database:
            given = {"currency": self.currency, "as_of": str(self.as_of), "checks": 1, "rows": len(orders)}
            for statement in filter(str.strip, TABLES.split(";")):
                used = {name: value for name, value in given.items() if f"${name}" in statement}
                database.execute(statement, used)
            for sql, rows in (
                ("insert into core.fct_order values ($1, $2, $3, true, $2)", orders),
                ("insert into core.fct_return values ($1, $2, true, $1)", self.returns),
                ("insert into core.fct_case values ($1, $2, $1)", self.cases),
                ("insert into core.customers values ($1, $2, $3, $4, $5)", customers),
                ("insert into marts.model_runs values ($1, $2)", self.decisions),
            ):
                if rows:
                    database.executemany(sql, [list(row) for row in rows])
            database.execute(MARTS)

    def publish(self, settings: Settings) -> None:
        """Write the database as the published release."""
        folder = settings.serving / "releases" / "r-1"
        folder.mkdir(parents=True)
        self.write(folder / "perennial.duckdb")
        manifest = {**MANIFEST, "release_id": "r-1", "as_of_date": str(self.as_of), "tables": {}, "files": {}}
        write_sealed(folder / "release.json", manifest)
        (folder / "checks.json").write_text(json.dumps({"checks": []}), encoding="utf-8")
        (settings.serving / "current").symlink_to(Path("releases") / "r-1")
