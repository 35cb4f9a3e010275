"""Order, leakage and determinism: what must not move a single published score."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipeline.base.files import read_sealed, write_sealed
from pipeline.base.settings import Settings, load_settings
from tests.support.builds.quick import TABLES_ONLY
from tests.warehouse.steps import build, marts

HOUSEHOLDS = 400


@pytest.fixture(scope="module")
def small_data(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Complete Journey's files, cut down to some households."""
    folder = tmp_path_factory.mktemp("data") / "complete_journey"
    folder.mkdir()
    source = data_dir / "complete_journey"
    with duckdb.connect() as connection:
        for file in sorted(source.glob("*.parquet")):
            columns = [row[0] for row in connection.execute(f"describe from read_parquet('{file}')").fetchall()]
            kept = f"where household_id <= {HOUSEHOLDS}" if "household_id" in columns else ""
            if file.stem not in ("promotions", "coupons"):
                connection.execute(f"copy (from read_parquet('{file}') {kept}) to '{folder / file.name}'")
    return folder.parent


@pytest.fixture(scope="module")
def build_variant(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Settings]:
    """Build the small data in a home of its own, with the landed files changed."""

    def make(change: Callable[[Settings], None] | None) -> Settings:
        home = tmp_path_factory.mktemp("home")
        settings = load_settings(
            {"CRM_HOME": str(home), "CRM_DATA": str(small_data), "CRM_SOURCES": "complete_journey"}
        )
        with pytest.MonkeyPatch.context() as patch:
            for name, value in TABLES_ONLY.items():
                patch.setenv(name, value)
            build(settings, after_landing=change)
        return settings

    return make


@pytest.fixture(scope="module")
def plain(build_variant: Callable[..., Settings]) -> Settings:
    return build_variant(None)


def rewrite(settings: Settings, table: str, query: str) -> None:
    """Replace the landed file of a table by a query over it, called `landed`."""
    (file,) = (settings.landing / "complete_journey" / table).glob("*.parquet")
    with duckdb.connect() as connection:
        connection.execute(f"create table landed as from read_parquet('{file}')")
        (rows,) = connection.execute(f"copy ({query}) to '{file}'").fetchall()[0]
    receipt = file.with_suffix(".json")
    content = read_sealed(receipt, "Load again.")
    write_sealed(receipt, {**content, "received": rows, "file_bytes": file.stat().st_size})


def shuffle(settings: Settings) -> None:
    for table in ("transactions", "products", "campaigns", "coupon_redemptions"):
        rewrite(
            settings,
            table,
            """select * exclude (_position), row_number() over () as _position
               from (from landed order by hash(_position, 'shuffled'))""",
        )


def plant_the_day_after(settings: Settings) -> None:
    """Every fifth household buys again, dear, the day after the as-of date, and redeems a coupon; some are new."""
    rewrite(
        settings,
        "coupon_redemptions",
        """from landed
           union all by name
           select * replace (timestamp '2018-01-01 00:00:00' as redemption_date, _position + 10000000 as _position)
           from landed""",
    )
    rewrite(
        settings,
        "transactions",
        """from landed
           union all by name
           select * replace (
               basket_id + 10000000000 as basket_id,
               500.0 as sales_value,
               timestamp '2018-01-01 15:00:00' as transaction_timestamp,
               if(household_id % 50 = 0, 99000 + household_id, household_id) as household_id,
               _position + 10000000 as _position
           )
           from landed where household_id % 5 = 0
           qualify row_number() over (partition by household_id order by _position) = 1""",
    )


def differences(one: Settings, other: Settings, tables: list[str] | None = None) -> dict[str, tuple[int, int]]:
    """Rows of each mart (or table) that stand only in one of two warehouses."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{one.warehouse}' as a (read_only)")
        connection.execute(f"attach '{other.warehouse}' as b (read_only)")
        if tables is None:
            with duckdb.connect(str(one.warehouse), read_only=True) as warehouse:
                tables = [f"marts.{name}" for name in marts(warehouse)]
        found = {}
        for table in tables:
            only = [
                connection.execute(f"select count(*) from (from {x}.{table} except all from {y}.{table})").fetchall()[
                    0
                ][0]
                for x, y in (("a", "b"), ("b", "a"))
            ]
            if any(only):
                found[table] = (only[0], only[1])
    return found


def test_there_are_scores_to_move(plain: Settings) -> None:
    with duckdb.connect(str(plain.warehouse), read_only=True) as warehouse:
        scored = warehouse.execute(
            "select count(clv_future), count(churn_probability), count(segment_name), count(*) from marts.customer_360"
        ).fetchall()[0]
    assert min(scored) > 0.9 * scored[-1]


def test_row_order_moves_nothing(plain: Settings, build_variant: Callable[..., Settings]) -> None:
    """Nor does a second build."""
    shuffled = build_variant(shuffle)
    assert differences(plain, shuffled) == {}
    assert (
        differences(plain, shuffled, ["core.fct_order", "core.fct_customer_month", "features.customer_features"]) == {}
    )


def test_the_day_after_moves_nothing(plain: Settings, build_variant: Callable[..., Settings]) -> None:
    planted = build_variant(plant_the_day_after)
    with duckdb.connect(str(planted.warehouse), read_only=True) as warehouse:
        late = warehouse.execute("select count(*) from core.fct_order where order_date > '2017-12-31'").fetchall()[0][0]
    assert late > 10, "the purchases were not planted"
    assert differences(plain, planted, ["features.customer_features"]) == {}
    assert differences(plain, planted) == {}
