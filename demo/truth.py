"""What is true: `$CRM_HOME/truth/*.parquet`. The pipeline never reads it; demo/README.md describes every column.

Totals are what the warehouse must have in its facts, computed here from the generator's own numbers, in whole cents and
ten-thousandths.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo.company import UTC_OFFSET, Company, texts
from demo.laws import LEAVING_REASONS, START, WINDOW_DAYS, day_of
from demo.lives import states
from demo.options import DEFAULT_UNTIL

# Source, table with a row per record, the column with the record's number.
RECORDS = (
    ("demo_shop", "customers", "customer_no"),
    ("demo_service", "customers", "service_no"),
    ("demo_web", "users", "user_id"),
    ("demo_marketing", "recipients", "recipient_no"),
    ("demo_sales", "accounts", "account_no"),
)
SESSION_GAP_SECONDS = 30 * 60
E4 = "cast(cast(coalesce(sum({0}), 0) as decimal(24, 0)) * cast('0.0001' as decimal(5, 4)) as decimal(18, 4))"
CENTS = "cast(cast(coalesce(sum({0}), 0) as decimal(24, 0)) * cast('0.01' as decimal(3, 2)) as decimal(18, 4))"
NO_AMOUNT = "cast(null as decimal(18, 4))"


def write_truth(company: Company, folder: Path, tables: list[str]) -> None:
    """Write all tables of the truth but the oracle's.

    Parameters
    ----------
    tables : list of str
        The published tables, '<source>.<table>'.
    """
    folder.mkdir(parents=True)
    _copy(company, folder / "persons.parquet", _persons(company), "person_id")
    _copy(company, folder / "records.parquet", _records(), "source_system, source_customer_id")
    _copy(company, folder / "purchases.parquet", _purchases(), "person_id, purchased_at, order_no")
    _copy(company, folder / "fates.parquet", _fates(tables), "source_system, table_name, planted, fate, reason")
    _copy(company, folder / "totals.parquet", _totals(), "measure")
    _write_outcomes(company, folder / "campaign_outcomes.parquet")
    _write_states(company, folder / "states.parquet")


def _copy(company: Company, target: Path, select: str, order: str) -> None:
    company.run(f"copy (select * from ({select}) order by {order}) to '{target}' (format parquet, compression zstd)")


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
            person_id, {names}[latent_class + 1] as latent_class, rate as rate_per_week, hazard as hazard_per_week, mean_spend,
            at_time(arrived_s - {UTC_OFFSET}) as arrived_at,
            case when left_s < 10000000000 then at_time(left_s - {UTC_OFFSET}) end as left_at,
            {texts(LEAVING_REASONS)}[leaving_reason + 1] as leaving_reason, is_business, household_id
        from people inner join latent using (person_id)
    """


def _records() -> str:
    return " union all ".join(
        f"select distinct '{source}' as source_system, {column} as source_customer_id, _person as person_id "
        f"from {source}__{table}"
        for source, table, column in RECORDS
    )


def _purchases() -> str:
    """Delivered orders with what the warehouse accepts of them; the others with their goods."""
    return f"""
        with delivered as (
            select _purchase as purchase_id, any_value(order_no) as order_no, bool_and(_fate <> 'quarantined') as is_accepted
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


def _fates(tables: list[str]) -> str:
    return " union all ".join(
        f"""select '{table.split(".")[0]}' as source_system, '{table.split(".")[1]}' as table_name, _planted as planted,
            _fate as fate, _reason as reason, count(*) as rows from {table.replace(".", "__")} group by all"""
        for table in tables
    )


def _current(table: str) -> str:
    """The newest accepted version of each row, unless that is its deletion."""
    return f"""(select * from (
        select * from {table} where _fate = 'accepted'
        qualify row_number() over (partition by _id order by _version_s desc, _key desc, _copy desc) = 1
    ) where not _is_deleted)"""


def _totals() -> str:
    lines, payments = "demo_shop__order_lines where _fate = 'accepted'", "demo_shop__payments where _fate = 'accepted'"
    returns = "demo_shop__returns where _fate = 'accepted'"
    contacts, cases = _current("demo_service__contacts"), _current("demo_service__cases")
    surveys, opportunities = _current("demo_service__surveys"), _current("demo_sales__opportunities")
    measures = [
        ("orders", "demo_shop__orders where _fate = 'accepted'", NO_AMOUNT),
        ("order_lines", lines, E4.format("_net_e4")),
        ("net_sales", lines, E4.format("_net_e4")),
        *((f"net_sales {kind}", f"{lines} and _type = '{kind}'", E4.format("_net_e4")) for kind in _line_types()),
        ("cost_of_goods", f"{lines} and _type = 'product'", CENTS.format("_cost_cents")),
        ("payments", payments, E4.format("_amount_e4")),
        ("payments_amount", f"{payments} and not _is_failed", E4.format("_amount_e4")),
        ("refund_amount", returns, E4.format("_refund_e4")),
        ("recovered_amount", returns, CENTS.format("_recovered_cents")),
        ("subscriptions", "demo_shop__subscriptions where _fate = 'accepted'", NO_AMOUNT),
        ("contacts", contacts, CENTS.format("_cost_cents")),
        ("contact_cost", contacts, CENTS.format("_cost_cents")),
        ("cases", cases, NO_AMOUNT),
        ("complaints", f"{cases} where _kind = 'complaint'", NO_AMOUNT),
        ("case_compensation", cases, CENTS.format("_compensation_cents")),
        ("survey_responses", surveys, NO_AMOUNT),
        *((f"survey_score {kind}", f"{surveys} where _kind = '{kind}'", CENTS.format("_score * 100"))
          for kind in ("ces", "csat", "nps")),
        ("consents", _current("demo_web__consents"), NO_AMOUNT),
        ("web_events", "demo_web__events where _fate = 'accepted'", NO_AMOUNT),
        ("web_sessions", _sessions(), NO_AMOUNT),
        ("campaigns", "demo_marketing__campaigns where _fate = 'accepted'", NO_AMOUNT),
        ("campaign_contacts", _current("demo_marketing__contacts"), NO_AMOUNT),
        ("campaign_responses", "demo_marketing__responses where _fate = 'accepted'", NO_AMOUNT),
        ("opportunities", opportunities, CENTS.format("_cents")),
        *((f"costs {kind}", f"demo_marketing__costs where _fate = 'accepted' and _kind = '{kind}'", CENTS.format("_cents"))
          for kind in ("acquisition", "retention", "selling", "service")),
    ]  # fmt: skip
    return " union all ".join(
        f"select '{measure}' as measure, count(*) as rows, {amount} as amount from {rows}"
        for measure, rows, amount in measures
    )


def _line_types() -> tuple[str, ...]:
    return "product", "shipping", "discount"


def _sessions() -> str:
    """First events of sessions: those more than 30 minutes after the visitor's event before, or without one."""
    return f"""(select * from (
        select _event_s - lag(_event_s) over (partition by visitor_id order by _event_s, _id) as gap
        from demo_web__events where _fate = 'accepted'
    ) where gap is null or gap > {SESSION_GAP_SECONDS})"""


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
