"""A company of a few persons whose release and truth are written by hand, for the tests of the proof.

As of 2024-12-31. Ana has two records and one customer. Ben has two records and two customers (split). Cleo's and Dan's
records are one customer (merged wrongly), which is Cleo's: she has two records there. Eve never came back.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

AS_OF = dt.date(2024, 12, 31)
CUSTOMERS = 5
RECORDS = [
    ("demo_shop", "A1", 0, "ana"),
    ("demo_web", "a@x", 0, "ana"),
    ("demo_shop", "B1", 1, "ben1"),
    ("demo_shop", "B2", 1, "ben2"),
    ("demo_shop", "C1", 2, "cleo"),
    ("demo_web", "c@x", 2, "cleo"),
    ("demo_shop", "D1", 3, "cleo"),
    ("demo_shop", "E1", 4, "eve"),
]
SAID = (
    *("source_system", "source_customer_id", "email", "phone", "loyalty", "born", "street", "postcode", "given"),
    "family",
)
# Ben goes by another given name in his second record. Cleo's and Dan's have the family's telephone.
SAYS = [
    ("demo_shop", "A1", "ana@x", None, None, None, None, None, "plain", "plain"),
    ("demo_web", "a@x", "anna@x", None, None, None, None, None, "plain", "plain"),
    ("demo_shop", "B1", "ben@x", "1", None, None, None, None, "plain", "plain"),
    ("demo_shop", "B2", "ben@x", "1", None, None, None, None, "nickname", "plain"),
    ("demo_shop", "C1", "cleo@x", "7", None, None, None, None, "plain", "plain"),
    ("demo_web", "c@x", "cleo@x", None, None, None, None, None, "plain", "plain"),
    ("demo_shop", "D1", None, "7", None, None, None, None, "plain", "plain"),
    ("demo_shop", "E1", None, None, None, None, None, None, "plain", "plain"),
]
# person, order, day, amount, customer; without customer: after the as-of day
PURCHASES = [
    (0, "o1", "2024-01-10", "10.0000", "ana"),
    (0, "o2", "2024-12-01", "20.5000", "ana"),
    (0, None, "2025-01-05", "30.0000", None),
    (0, None, "2025-01-05", "5.0000", None),
    (0, None, "2025-06-01", "30.0000", None),
    (1, "o3", "2024-03-01", "7.0000", "ben1"),
    (1, "o4", "2024-11-30", "8.0000", "ben2"),
    (1, None, "2025-03-01", "9.0000", None),
    (2, "o5", "2024-12-20", "11.0000", "cleo"),
    (3, "o6", "2024-12-21", "12.0000", "cleo"),
    (4, "o7", "2024-02-02", "13.0000", "eve"),
]
CHURN = {"ana": 0.6, "ben1": 0.9, "ben2": 0.8, "cleo": 0.7}
FATE_KEYS = ["source_system", "table_name", "fate", "reason"]
FATES = [
    ("demo_shop", "orders", "accepted", None, "none", 6),
    ("demo_shop", "orders", "accepted", None, "delivered late", 1),
    ("demo_shop", "orders", "quarantined", "ordered_at: not a timestamp", "order at no possible time", 2),
]
EXPECTED = {"ana": 2.5, "ben1": 0.5, "ben2": 0.25, "cleo": 1.0, "eve": 0.25}
AMOUNT = "decimal(18, 4)"


def write_parquet(path: Path, frame: pd.DataFrame, **types: str) -> None:
    """Write a frame as Parquet; keywords are the SQL types of columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replaced = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    with duckdb.connect() as connection:
        connection.register("frame", frame)
        connection.execute(
            f"copy (select * {f'replace ({replaced})' if replaced else ''} from frame) to '{path}' (format parquet)"
        )


def features(purchases: list[tuple[Any, ...]], as_of: list[dt.date], leak_days: int = 0) -> pd.DataFrame:
    """The features of some days, as the warehouse would export them; `leak_days` plants a look into the future."""
    rows = []
    for date in as_of:
        until = (date + dt.timedelta(days=leak_days)).isoformat()
        for customer in sorted({row[4] for row in purchases if row[4]}):
            own = [row for row in purchases if row[4] == customer and row[2] <= until]
            if not own:
                continue
            days = sorted({dt.date.fromisoformat(row[2]) for row in own})
            rows.append(
                {
                    "customer_id": customer,
                    "as_of_date": date,
                    "purchase_days": len(days),
                    "recency_days": (date - days[-1]).days,
                    "tenure_days": (date - days[0]).days,
                    "net_sales": sum(float(row[3]) for row in own),
                }
            )
    return pd.DataFrame(rows)


def write_features(home: Path, leak_days: int = 0) -> None:
    """Write the feature file of the as-of day and of 28 days before."""
    days = [AS_OF - dt.timedelta(days=28), AS_OF]
    frame = features(PURCHASES, days, leak_days)
    write_parquet(home / "features" / f"as_of={AS_OF}.parquet", frame, net_sales=AMOUNT, as_of_date="date")


def write_truth(home: Path) -> None:
    """Write the truth, without an oracle."""
    truth = home / "truth"
    records = pd.DataFrame(RECORDS, columns=["source_system", "source_customer_id", "person_id", "customer_id"])
    write_parquet(truth / "records.parquet", records.drop(columns="customer_id"))
    purchases = pd.DataFrame(PURCHASES, columns=["person_id", "order_no", "purchase_date", "net_amount", "customer_id"])
    purchases["is_future"] = purchases["order_no"].isna()
    purchases["is_accepted"] = True
    write_parquet(
        truth / "purchases.parquet",
        purchases.drop(columns="customer_id"),
        purchase_date="date",
        net_amount=AMOUNT,
        order_no="varchar",
    )
    persons = pd.DataFrame(
        {
            "person_id": range(5),
            "latent_class": [0, 0, 1, 1, 1],
            "household_id": [0, 1, 2, 2, 4],  # Cleo and Dan are twins
            "is_twin": [False, False, True, True, False],
            "is_chinese": False,
            "has_two_names": [False, True, False, False, False],
            "leaving_reason": ["none", "natural", "service_encounter", "natural", "natural"],
            "left_at": pd.to_datetime([None, "2024-12-30", "2025-01-15", None, "2024-03-01"]),
            "arrived_at": pd.to_datetime(["2024-01-10", "2024-03-01", "2024-12-20", "2024-12-21", "2024-02-02"]),
        }
    )
    write_parquet(truth / "persons.parquet", persons)
    write_parquet(truth / "says.parquet", pd.DataFrame(SAYS, columns=SAID), **dict.fromkeys(SAID, "text"))
    totals = pd.DataFrame([("orders", 7, None), ("net_sales", 7, "81.5000")], columns=["measure", "rows", "amount"])
    write_parquet(truth / "totals.parquet", totals, amount=AMOUNT)
    write_parquet(truth / "fates.parquet", pd.DataFrame(FATES, columns=[*FATE_KEYS, "planted", "rows"]))


def write_release(home: Path, *, is_published: bool = True, reason: str | None = None) -> None:
    """Write perennial.duckdb and contacts.duckdb, and the score file of lifetime value."""
    current = home / "serving" / "current"
    current.mkdir(parents=True)
    customers = pd.DataFrame({"customer_id": list(EXPECTED)})
    customers["segment_name"], customers["tier"], customers["is_left_truncated"] = "Loyal", "gold", False
    customers["run_id"] = "r1"
    customers["churn_probability"] = customers["customer_id"].map(CHURN) if is_published else None
    for place in (1, 2, 3):
        customers[f"reason_{place}"] = reason if place == 1 else None
    orders = pd.DataFrame(
        [(f"demo_shop:{row[1]}", row[4], row[3]) for row in PURCHASES if row[4]],
        columns=["order_id", "customer_id", "net_amount"],
    )
    fates = pd.DataFrame(FATES, columns=[*FATE_KEYS, "planted", "landed_rows"]).assign(landed_file="x")
    with duckdb.connect(str(current / "perennial.duckdb")) as connection:
        for schema in ("core", "marts", "ops"):
            connection.execute(f"create schema {schema}")
        connection.register("customers", customers)
        connection.register("orders", orders)
        connection.register("fates", fates)
        connection.execute("create table core.fct_order as select order_id, customer_id from orders")
        connection.execute(
            "create table core.fct_order_line as select order_id, cast(net_amount as decimal(18, 4)) as net_amount,"
            " true as is_sale, 'product' as line_type from orders"
        )
        connection.execute("create table ops.row_fates as select * exclude (planted) from fates")
        connection.execute("create table core.dim_customer as select customer_id, is_left_truncated from customers")
        connection.execute("create table marts.release as select 'x' as release_id, date '2024-12-31' as as_of_date")
        for table in ("clv", "churn", "segments"):
            connection.execute(
                f"create table marts.customer_{table} as select * replace ("
                "cast(churn_probability as double) as churn_probability, cast(reason_1 as varchar) as reason_1)"
                " from customers"
            )
        connection.execute(
            "create table marts.winback_list as select customer_id, 365 as horizon_days,"
            f" case when {is_published} then 1 - cast(churn_probability as double) end as p_return from customers"
        )
        connection.execute(
            "create table marts.model_runs as select * from (values"
            f" ('clv', {is_published}, 'Not enough.', date '2024-12-31', 'r1'),"
            f" ('churn', {is_published}, 'Too few.', date '2024-12-31', 'r2'))"
            " as runs(job, is_published, decision, as_of_date, run_id)"
        )
    records = pd.DataFrame(RECORDS, columns=["source_system", "source_customer_id", "person_id", "customer_id"])
    with duckdb.connect(str(current / "contacts.duckdb")) as connection:
        connection.register("records", records)
        connection.execute("create table customer_source_id as select * exclude (person_id) from records")
    scores = pd.DataFrame({"customer_id": list(EXPECTED), "annual_discount_rate": 0.10})
    scores["p_alive"] = 0.8 if is_published else None
    scores["expected_purchases"] = list(EXPECTED.values()) if is_published else None
    for name, value in {
        "clv_future": 20.0,
        "clv_future_p10": 0.0,
        "clv_future_p50": 5.0,
        "clv_future_p90": 70.0,
    }.items():
        scores[name] = value if is_published else None
    kinds = {name: "double" for name in scores.columns if name != "customer_id"}
    write_parquet(home / "scores" / "clv" / f"as_of={AS_OF}" / "run=r1.parquet", scores, **kinds)


def build_home(home: Path, *, leak_days: int = 0, is_published: bool = True, reason: str | None = None) -> Path:
    """Write everything that a run leaves and the proof reads."""
    write_truth(home)
    write_release(home, is_published=is_published, reason=reason)
    write_features(home, leak_days)
    return home
