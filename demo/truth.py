"""The truth: `$CRM_HOME/truth/*.parquet`. The pipeline never reads it; demo/README.md describes every column."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo.options import DEFAULT_UNTIL
from demo.systems.records import SAID
from demo.systems.shop import TABLES as SHOP_TABLES
from demo.totals import E4, MEASURES
from demo.world.company import UTC_OFFSET, Company, text, texts
from demo.world.laws import LEAVING_REASONS, START, day_of
from demo.world.lives import states

# Source: the table with its records of persons, and the column with the record's number.
RECORDS = {
    "demo_shop": ("customers", "customer_no"),
    "demo_service": ("customers", "service_no"),
    "demo_web": ("users", "user_id"),
    "demo_marketing": ("recipients", "recipient_no"),
    "demo_sales": ("accounts", "account_no"),
}


def tally_shop(company: Company, folder: Path) -> dict[str, int]:
    """Write the purchases, begin the tables that every source adds to, and return the shop's rows by table."""
    company.run("create table truth_records (source_system text, source_customer_id text, person_id bigint)")
    said = ", ".join(f"{name} text" for name in ("source_system", "source_customer_id", *SAID))
    company.run(f"create table truth_says ({said})")
    columns = ", ".join(f"{name} text" for name in ("source_system", "table_name", "planted", "fate", "reason"))
    company.run(f"create table truth_fates ({columns}, rows bigint)")
    company.run("create table truth_totals (measure text, rows bigint, amount decimal(18, 4))")
    _copy(company, folder / "purchases.parquet", _purchases(), "person_id, purchased_at, order_no")
    return tally(company, "demo_shop", SHOP_TABLES)


def tally(company: Company, source: str, tables: Sequence[str]) -> dict[str, int]:
    """Add a source's records, fates and totals to the truth, and return its delivered rows by table."""
    table, column = RECORDS[source]
    company.run(f"insert into truth_records select distinct '{source}', {column}, _person from {source}__{table}")
    company.run(f"insert into truth_says select distinct '{source}', {column}, _said.* from {source}__{table}")
    rows = {}
    for name in tables:
        company.run(
            f"insert into truth_fates select '{source}', '{name}', _planted, _fate, _reason, count(*) "
            f"from {source}__{name} group by all"
        )
        counted = f"select count(*) from {source}__{name}"
        rows[f"{source}.{name}"] = int(company.con.execute(counted).fetchall()[0][0])
    for measure, relation, amount in MEASURES[source]:
        company.run(f"insert into truth_totals select '{measure}', count(*), {amount} from {relation}")
    return rows


def write_truth(company: Company, folder: Path) -> None:
    """Write the collected totals, and the truth about persons and campaigns."""
    _copy(company, folder / "persons.parquet", _persons(company), "person_id")
    _copy(company, folder / "records.parquet", "from truth_records", "source_system, source_customer_id")
    said = ", ".join(("source_system", "source_customer_id", *SAID))
    _copy(company, folder / "says.parquet", "from truth_says", said)
    _copy(company, folder / "fates.parquet", "from truth_fates", "source_system, table_name, planted, fate, reason")
    _copy(company, folder / "totals.parquet", "from truth_totals", "measure")
    _write_outcomes(company, folder / "campaign_outcomes.parquet")
    _write_states(company, folder / "states.parquet")


def _copy(company: Company, target: Path, select: str, order: str) -> None:
    company.run(
        f"copy (select * from ({select}) order by {order}) to {text(target)} (format parquet, compression zstd)"
    )


def _persons(company: Company) -> str:
    persons = company.lives.persons
    company.numbers(
        "latent",
        {
            "person_id": np.arange(len(persons.rate)),
            "rate": persons.rate,
            "hazard": persons.hazard,
            "mean_spend": persons.mean_spend,
            "leaving_reason": persons.leaving_reason,
        },
    )
    names = texts([latent.name for latent in company.world.classes])
    return f"""
        select
            person_id, {names}[latent_class + 1] as latent_class, rate as rate_per_week, hazard as hazard_per_week,
                mean_spend,
            at_time(arrived_s - {UTC_OFFSET}) as arrived_at,
            case when left_s < 10000000000 then at_time(left_s - {UTC_OFFSET}) end as left_at,
            {texts(LEAVING_REASONS)}[leaving_reason + 1] as leaving_reason, is_business, household_id,
            is_twin, is_chinese, has_two_names
        from people inner join latent using (person_id)
    """


def _purchases() -> str:
    """Delivered orders with what the warehouse accepts of them; the others with their goods."""
    return f"""
        with delivered as (
            select _purchase as purchase_id, any_value(order_no) as order_no, bool_and(_fate <> 'quarantined')
                as is_accepted
            from demo_shop__orders group by _purchase
        ),
        booked as (
            select _purchase as purchase_id, sum(_net_e4) as net_e4
            from demo_shop__order_lines where _fate = 'accepted' group by _purchase
        )
        select
            person_id, delivered.order_no, at_time(at_s - {UTC_OFFSET}) as purchased_at, date_of(day) as purchase_date,
            {E4.format("coalesce(net_e4, net_cents * 100)").replace("sum(", "(")} as net_amount,
            delivered.order_no is null as is_future, coalesce(is_accepted, false) as is_accepted
        from shop_orders
        left join delivered using (purchase_id)
        left join booked using (purchase_id)
    """


def _write_outcomes(company: Company, target: Path) -> None:
    audience = company.lives.audience
    company.numbers("outcomes", {name: getattr(audience, name) for name in audience.__dataclass_fields__})
    codes = texts([campaign.code for campaign in company.world.campaigns] or [""])
    select = f"""
        select
            {codes}[campaign + 1] as campaign_code, person as person_id,
            case when is_treated then 'treated' else 'control' end as arm, purchases_if_treated, purchases_if_control,
            cast(sales_if_treated / 100.0 as decimal(18, 2)) as sales_if_treated,
            cast(sales_if_control / 100.0 as decimal(18, 2)) as sales_if_control
        from outcomes
    """
    _copy(company, target, select, "campaign_code, person_id")
    company.drop("outcomes")


def month_ends(last: date) -> list[date]:
    """Last days of the months from the first one up to `last`."""
    days = (START + timedelta(days=number) for number in range((last - START).days + 1))
    return [day for day in days if (day + timedelta(days=1)).day == 1]


def _write_states(company: Company, target: Path) -> None:
    """The latent state at each month's end, for who is there, and once more after who has left."""
    was_alive = np.zeros(len(company.lives.persons.rate), dtype=bool)
    schema = pa.schema(
        [("person_id", pa.int64()), ("date", pa.date32()), ("is_alive", pa.bool_()), ("rate", pa.float64()),
         ("hazard", pa.float64())]
    )  # fmt: skip
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for day in month_ends(DEFAULT_UNTIL):
            state = states(company.lives, float(day_of(day) + 1))
            rows = np.flatnonzero(state.is_alive | was_alive)
            was_alive = state.is_alive
            arrays = [rows, np.full(len(rows), day), state.is_alive[rows], state.rate[rows], state.hazard[rows]]
            writer.write_table(
                pa.Table.from_arrays(
                    [pa.array(values, field.type) for values, field in zip(arrays, schema, strict=True)], schema=schema
                )
            )
