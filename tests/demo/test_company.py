"""The delivered files: the shop's books, how the persons are spread over systems, and that days stay as they are."""

import json
import sqlite3
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import pytest

from cli.main import main
from demo.world.laws import START
from pipeline.base.errors import UserError
from tests.demo.company_files import DAILY, SOURCES, files_of, lines_of, make, options, truth

CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("retail"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clean"), "clean")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Retail without planted trouble: every amount can be read."""
    return make(tmp_path_factory.mktemp("sound"), corruption=0)


def shop(home: Path, query: str) -> pd.DataFrame:
    with sqlite3.connect(home / "demo/shop/shop.sqlite") as database:
        return pd.read_sql_query(query, database)


def daily(home: Path, source: str, table: str) -> pd.DataFrame:
    folder = home / "demo" / source / table
    if source == "web":
        return pd.concat(pd.read_json(path, lines=True, dtype=False) for path in sorted(folder.iterdir()))
    return pd.concat(pd.read_csv(path, dtype=str) for path in sorted(folder.iterdir()))


def line_amounts(home: Path) -> pd.DataFrame:
    lines = shop(home, "select * from order_lines inner join orders using (order_no)")
    for column in ("quantity", "unit_price", "discount", "amount", "tax"):
        lines[column] = lines[column].map(Decimal)
    lines["net"] = lines["amount"] - lines["tax"].where(lines["prices_include_tax"] == 1, Decimal(0))
    return lines


def test_a_line_is_pieces_times_price_less_discount_and_its_tax_is_right(sound: Path) -> None:
    lines = line_amounts(sound)
    assert set(lines["line_type"]) == {"product", "shipping", "discount"}
    assert (lines["quantity"] * lines["unit_price"] - lines["discount"] == lines["amount"]).all()
    assert (lines["discount"] >= 0).all()
    goods = lines[lines["line_type"] == "product"]
    percent = goods["placed_at"].str[:4].map(lambda year: Decimal(8) if year == "2023" else Decimal(9))
    tax = (goods["net"] * percent / 100).map(lambda value: value.quantize(CENT, ROUND_HALF_UP))
    assert (tax == goods["tax"]).all()
    assert 1.6 < len(goods) / goods["order_no"].nunique() < 2.0


def test_net_sales_follow_the_warehouse_rule_with_the_rate_of_the_latest_day(sound: Path) -> None:
    lines = line_amounts(sound)
    rates = shop(sound, "select rate_date, rate from fx_rates order by rate_date")
    assert not pd.to_datetime(rates["rate_date"]).dt.day_of_week.isin([5, 6]).any()
    latest = rates["rate_date"].searchsorted(lines["placed_at"].str[:10], side="right") - 1
    rate = rates["rate"].map(Decimal).to_numpy()[latest]
    in_sgd = [
        net if currency == "SGD" else (net * by).quantize(Decimal("0.0001"), ROUND_HALF_UP)
        for net, currency, by in zip(lines["net"], lines["currency"], rate, strict=True)
    ]
    by_order = lines.assign(sgd=in_sgd).groupby("order_no")["sgd"].sum()
    true = dict(truth(sound, "select order_no, net_amount from purchases where is_accepted"))
    assert (lines["currency"] == "CNY").sum() > 50
    assert by_order.to_dict() == true


def test_in_clean_an_order_is_its_purchase_to_the_cent(clean: Path) -> None:
    lines = line_amounts(clean)
    assert set(lines["line_type"]) == {"product"}
    assert set(lines["currency"]) == {"SGD"}
    assert shop(clean, "select * from returns").empty
    true = dict(truth(clean, "select order_no, net_amount from purchases where not is_future"))
    assert lines.groupby("order_no")["net"].sum().to_dict() == true
    assert all(value == value.quantize(CENT) for value in true.values())


def test_in_clean_every_record_of_a_person_has_the_persons_own_address(clean: Path) -> None:
    records = pd.concat(
        [
            shop(clean, "select customer_no as id, email from customers"),
            daily(clean, "service", "customers")[["service_no", "email"]].set_axis(["id", "email"], axis=1),
            daily(clean, "web", "users")[["user_id", "email"]].set_axis(["id", "email"], axis=1),
            daily(clean, "marketing", "recipients")[["recipient_no", "email"]].set_axis(["id", "email"], axis=1),
            daily(clean, "sales", "accounts")[["account_no", "email"]].set_axis(["id", "email"], axis=1),
        ]
    )
    true = dict(truth(clean, "select source_customer_id, person_id from records"))
    persons = records["id"].map(true)
    assert records["email"].notna().all()
    pairs = pd.DataFrame({"person": persons, "email": records["email"]}).drop_duplicates()
    assert pairs["person"].is_unique
    assert pairs["email"].is_unique


def test_in_retail_records_are_wrong_in_the_ways_that_records_are(retail: Path) -> None:
    customers = shop(retail, "select distinct * from customers")
    true = dict(truth(retail, "select source_customer_id, person_id from records where source_system = 'demo_shop'"))
    persons = customers["customer_no"].map(true)
    masked = customers["email"].str.endswith("@relay.marketplace.example", na=False)
    assert masked.sum() > 50
    assert customers.loc[masked, "email"].is_unique
    assert persons[~masked].duplicated().sum() > 20  # second accounts
    shared = persons[~masked].groupby(customers["email"].str.strip().str.lower()).nunique()
    assert shared.drop(["n/a", "-"], errors="ignore").max() > 1  # families, and placeholders
    assert customers["email"].isna().any()
    assert customers["phone"].isin(["0000 0000", "n/a", "99999999"]).any()
    names = daily(retail, "service", "customers")["name"]
    assert names.str.contains("[\u4e00-\u9fff]").any()
    assert names.str.contains(", ").any()


def test_a_record_is_delivered_again_only_when_it_has_changed(sound: Path) -> None:
    for source, table, number in (("service", "customers", "service_no"), ("web", "users", "user_id")):
        records = daily(sound, source, table)
        assert records[number].duplicated().any()
        content = [column for column in records if column != "updated_at"]
        assert not records.sort_values("updated_at").duplicated(content).any()


def test_every_address_and_number_is_unassigned(retail: Path) -> None:
    emails = pd.concat([shop(retail, "select email from customers"), daily(retail, "marketing", "recipients")])["email"]
    addresses = emails.dropna()[emails.dropna().str.contains("@")].str.strip().str.lower()
    is_example = addresses.str.fullmatch(r"[^@]+@[a-z.]*example")
    # A typo can fall into the domain: it is no domain then.
    assert is_example.mean() > 0.98
    phones = daily(retail, "service", "customers")["phone"].dropna()
    digits = phones.str.replace(r"\D", "", regex=True).str[-8:]
    placeholders = digits.isin(["00000000", "99999999", "12345678", ""])
    assert digits[~placeholders].str.match("[457]").all()


def test_records_of_the_truth_are_those_of_the_files(retail: Path) -> None:
    found = {
        ("demo_shop", *row)
        for row in shop(retail, "select distinct customer_no from customers").itertuples(index=False)
    }
    assert found == set(
        truth(retail, "select source_system, source_customer_id from records where source_system = 'demo_shop'")
    )
    used = set(shop(retail, "select distinct customer_no from orders")["customer_no"])
    assert used <= {number for _, number in found}
    recipients = set(daily(retail, "marketing", "recipients")["recipient_no"])
    assert set(daily(retail, "marketing", "responses")["recipient_no"].dropna()) <= recipients


def test_one_more_day_changes_no_earlier_day(tmp_path: Path) -> None:
    before = files_of(make(tmp_path / "before", customers=400, until="2025-12-30"))
    after = files_of(make(tmp_path / "after", customers=400, until="2025-12-31"))
    days = {name: content for name, content in before.items() if name.endswith((".csv", ".jsonl"))}
    assert len(days) > 2_000
    assert {name: after.get(name) for name in days} == days
    assert {name[-15:-4] for name in set(after) - set(before) if name.endswith(".csv")} == {"/2025-12-31"}


def test_equal_options_give_equal_bytes_and_another_seed_another_company(tmp_path: Path) -> None:
    first, second = (files_of(make(tmp_path / name, customers=300)) for name in ("first", "second"))
    assert first == second
    other = files_of(make(tmp_path / "other", customers=300, seed=2))
    assert other["truth/totals.parquet"] != first["truth/totals.parquet"]


def test_truncated_delivers_the_window_only(tmp_path: Path) -> None:
    home = make(tmp_path, "truncated", customers=600)
    assert shop(home, "select min(placed_at) as first from orders")["first"][0] >= START.isoformat()
    assert shop(home, "select min(created_at) as first from customers")["first"][0] >= START.isoformat()
    early = truth(home, f"select count(*) from persons where arrived_at < date '{START}' - interval 1 day")[0][0]
    assert early > 200


def test_states_end_with_the_life(retail: Path) -> None:
    wrong = truth(
        retail,
        """
        select count(*) from states inner join persons using (person_id)
        where is_alive <> (coalesce(left_at + interval 8 hour, timestamp '2100-01-01') >= date + 1)
            or (is_alive and rate <= 0) or (not is_alive and rate + hazard <> 0)
        """,
    )
    assert wrong == [(0,)]


def test_control_was_sent_nothing(retail: Path) -> None:
    contacts = daily(retail, "marketing", "contacts").dropna(subset=["arm"])
    control = contacts[contacts["arm"] == "control"]
    assert len(control) > 500
    assert control[["opened_at", "clicked_at"]].isna().all().all()
    assert contacts["opened_at"].notna().any()


def test_the_manifest_counts_the_lines_of_the_files(retail: Path) -> None:
    rows = json.loads((retail / "demo/manifest.json").read_text(encoding="utf-8"))["rows"]
    counted = {
        f"{source}.{table}": lines_of(retail, source, table)
        for source, (_, tables) in DAILY.items()
        for table in tables
    }
    assert {name: count for name, count in rows.items() if not name.startswith("demo_shop")} == counted
    for name in (name for name in rows if name.startswith("demo_shop")):
        assert shop(retail, f"select count(*) as n from {name.split('.')[1]}")["n"][0] == rows[name]


def test_ensure_makes_the_company_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    monkeypatch.setenv("CRM_SOURCES", "cdnow")
    assert main(["demo", "ensure", "--customers", "50"]) == 0
    assert not (tmp_path / "demo").exists()
    monkeypatch.setenv("CRM_SOURCES", SOURCES)
    manifest = tmp_path / "demo/manifest.json"
    assert main(["demo", "ensure", "--customers", "50"]) == 0
    made = manifest.stat().st_mtime_ns
    assert main(["demo", "ensure", "--customers", "50"]) == 0
    assert manifest.stat().st_mtime_ns == made
    assert main(["demo", "ensure", "--customers", "60"]) == 0
    assert json.loads(manifest.read_text(encoding="utf-8"))["options"]["customers"] == 60
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".tmp-")] == []


def test_a_home_with_one_company_refuses_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    monkeypatch.setenv("CRM_SOURCES", SOURCES)
    assert main(["demo", "ensure", "--customers", "50"]) == 0
    (tmp_path / "landing" / "demo_shop").mkdir(parents=True)
    for change, problem in (
        (["--world", "null"], "world was retail and is null"),
        (["--seed", "2"], "seed was 1 and is 2"),
        (["--until", "2025-12-30"], "cannot go back to 2025-12-30"),
    ):
        assert main(["demo", "ensure", "--customers", "50", *change]) == 2
        message = capfd.readouterr().err
        assert problem in message
        assert "CRM_HOME=" in message
    assert main(["demo", "ensure", "--customers", "50", "--until", "2026-01-01"]) == 0


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("world", "mars", "Use one of"),
        ("customers", "0", "whole number from 50"),
        ("customers", "many", "whole number from 50"),
        ("seed", "-1", "whole number from 0"),
        ("until", "2027-01-01", "2026-03-31"),
        ("until", "yesterday", "such as 2025-12-31"),
        ("errors", "lots", "0 (none)"),
        ("corruption", "7", "0 (none)"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(name: str, value: str, advice: str) -> None:
    with pytest.raises(UserError) as caught:
        options(**{name: value})
    assert f"DEMO_{name.upper()}" in str(caught.value)
    assert value in str(caught.value)
    assert advice in str(caught.value)


def test_a_user_error_ends_the_command_without_a_trace(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "make", "--world", "mars"]) == 2
    assert "Traceback" not in capfd.readouterr().err
