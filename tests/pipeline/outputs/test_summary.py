"""The summary says what is in the release, to the cent, and says why where something is not known."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.outputs.summary import print_summary, short

RELEASE = """
create schema core; create schema marts; create schema ops;
create table marts.release as
select 'r-1' as release_id, 'shop' as sources, 'EUR' as currency, date '2024-05-31' as as_of_date, 12 as checks_passed;
create table ops.load_receipts as
select * from (values ('shop', 'sales', 1000, 7, 3, 20), ('shop', 'items', 234, 0, 0, 1))
    as t (source, table_name, received, quarantined, duplicates, excluded);
create table marts.customer_360 as
select * from (values ('ana', 2, true), ('ben', 1, false), ('cleo', 0, false))
    as t (customer_id, purchases, is_left_truncated);
create table core.fct_contact
    (contact_id varchar, contact_date date default date '2024-02-01', known_date date default date '2024-02-01');
create table core.fct_case (
    case_id varchar, opened_date date default date '2024-02-01', resolved_date date,
    known_date date default date '2024-02-01');
create table marts.campaign_performance (campaign_id varchar, is_effect_certain boolean);
create table core.fct_order as
select * from (values
    ('ana', true, date '2024-01-02', 1234567.8900), ('ana', true, date '2024-05-30', 0.1150),
    ('ana', false, date '2023-03-01', -0.0050))
    as t (customer_id, is_purchase, order_date, net_sales);
alter table core.fct_order add column known_date date default date '2024-01-02';
create table core.fct_return as
select *, date '2024-02-01' as return_date, date '2024-02-01' as known_date
from (values (12.5000, true), (99.0000, false)) as t (refund_amount, is_sale);
create table marts.customer_clv as
select * from (values (100.10, 365, 0.1, null, 'net_sales'), (null, null, null, 'no purchase known', null))
    as t (clv_future, horizon_days, annual_discount_rate, unavailable_reason, value_basis);
alter table marts.customer_clv add column customer_id varchar;
update marts.customer_clv set customer_id = case when value_basis is null then 'cleo' else 'ana' end;
create table marts.segment_profile as
select * from (values ('Lost', 1, 25.00, 0.25), ('Champions', 1, 75.00, 0.75))
    as t (segment_name, customers, net_sales, net_sales_share);
create table marts.score_outcomes (
    run_id varchar, measure varchar, as_of_date date, horizon_days int, customers bigint, forecast_mean double,
    outcome_mean double, forecast_total double, outcome_total double, bias double, is_bias_certain boolean);
create table marts.identity_coverage as
select * from (values ('shop', 3::bigint, 2::bigint, 3::bigint), ('desk', 1::bigint, 1::bigint, 0::bigint))
    as t (source_system, records, linked_records, contact_records);
create table ops.identity_review as select 'review' as verdict;
create table marts.model_runs as
select * from (values ('churn', 'Loses against recency alone (AUC .61 against .64), so it is not published.'))
    as t (job, decision);
"""
CHECKS = [
    {"suite": "marts_release", "check": "there is one row", "first_action": "Look at it.", "success": True},
    {"suite": "marts_churn", "check": "most are scored", "first_action": "Read the reasons.", "success": False},
]
UNKNOWN = """
update marts.customer_clv set clv_future = null, unavailable_reason = 'fewer than 84 days of data'
where customer_id = 'ana';
update marts.segment_profile set net_sales_share = null, net_sales = 0;
delete from core.fct_return;
delete from marts.model_runs;
"""
CONTACTS = """
insert into core.fct_contact (contact_id) values ('c1'), ('c2');
insert into core.fct_case (case_id) values ('k1');
insert into marts.campaign_performance values ('spring', true), ('summer', false), ('autumn', null);
"""


@pytest.fixture
def publish(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    def write(*statements: str, **env: str) -> Settings:
        settings = make_settings(**env)
        folder = settings.serving / "releases" / "r-1"
        folder.mkdir(parents=True)
        manifest = {"release_id": "r-1", "as_of_date": "2025-12-31", "input_hash": "", "sources": [], "tables": {}}
        (folder / "release.json").write_text(json.dumps(manifest), encoding="utf-8")
        (folder / "checks.json").write_text(json.dumps({"checks": CHECKS}), encoding="utf-8")
        with connect(folder / "perennial.duckdb") as database:
            for statement in (RELEASE, *statements):
                database.execute(statement)
        (settings.serving / "current").symlink_to(Path("releases") / "r-1")
        return settings

    return write


def printed(settings: Settings, *, is_new: bool = True, width: int = 100) -> str:
    output = io.StringIO()
    print_summary(settings, Console(file=output, width=width, highlight=False), is_new=is_new)
    return output.getvalue()


def words(text: str) -> str:
    return " ".join(text.split())


def test_contacts_and_campaigns_are_shown_where_there_are_any(publish: Callable[..., Settings]) -> None:
    text = words(printed(publish(CONTACTS)))
    assert "Contacts 2 cases: 1, open: 1" in text
    assert "Campaigns 3 2 with a control group judged, 1 with a certain effect" in text


def test_sources_that_share_no_contact_data_are_said_to_be_matched_to_nothing(publish: Callable[..., Settings]) -> None:
    nothing = "update marts.identity_coverage set linked_records = 0, contact_records = 0"
    text = words(printed(publish(nothing, "delete from ops.identity_review")))
    assert "records 4 of 2 sources, no contact data to match by Purchases" in text


def test_a_missing_report_is_reported_with_its_reason(publish: Callable[..., Settings]) -> None:
    settings = publish()
    path = settings.serving / "current" / "release.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "not_drawn": {"report.html": "too large"}}), encoding="utf-8")
    text = words(printed(settings))
    assert "report.html is left out: too large." in text
    assert "the release as a report" not in text


def test_without_contact_data_contacts_are_not_shown(publish: Callable[..., Settings]) -> None:
    text = printed(publish())
    assert "Contacts" not in text
    assert "Campaigns" not in text


def test_figures_are_those_of_the_release(publish: Callable[..., Settings]) -> None:
    text = words(printed(publish()))
    for expected in (
        "Perennial r-1 shop, as of 2024-05-31, 12 checks passed",
        "Rows in 1,234 from 2 tables",
        "quarantined 7 ops.row_fates says why",
        "duplicates 3",
        "excluded 21 left out on purpose: ops.row_fates says why",
        "Customers 3 2 buyers, 1 perhaps older than the data",
        "records 4 of 2 sources, 75.0% match another, 1 in doubt",
        "perennial identity review # records in doubt",
        "Purchases 2 2024-01-02 to 2024-05-30",
        "Net sales 1,234,568.00 EUR",
        "Refunds 12.50 EUR, 1 returned line",
        "Customer equity 100.10 EUR in 365 days, 10% p.a., before cost of goods",
        "churn: Loses against recency alone (AUC .61 against .64), so it is not published.",
    ):
        assert expected in text
    assert text.index("Champions") < text.index("Lost")
    assert "75.0%" in text
    assert "Nothing has changed" not in text


def test_unknown_figures_have_their_reason(publish: Callable[..., Settings]) -> None:
    text = words(printed(publish(UNKNOWN)))
    assert "Customer equity unknown Fewer than 84 days of data." in text
    assert "Champions 1 customer EUR 0.00" in text
    assert "Refunds" not in text
    assert "No model could be trained" in text


def test_earlier_forecasts_are_beside_what_happened(publish: Callable[..., Settings]) -> None:
    settings = publish(
        "insert into marts.score_outcomes values"
        " ('c1', 'no_purchase', date '2024-04-01', 28, 900, 0.5, 0.9, 450, 810, -0.4, true),"
        " ('c2', 'no_purchase', date '2024-05-03', 28, 1000, 0.812, 0.803, 812, 803, 0.009, false),"
        " ('v1', 'purchases', date '2023-06-01', 365, 1000, 1.24, 1.1, 1240.2, 1100, 0.14, true)"
    )
    said = words(printed(settings))
    assert "Of 2024-05-03, for 28 days: 81.2% of 1,000 customers were to buy nothing," in said
    assert "and 80.3% bought nothing (within chance)." in said
    assert "for 365 days: 1,240 purchases were expected, and 1,100 came (too high, beyond chance)." in said
    assert "900 customers" not in said


def test_a_failed_check_is_shown_as_a_warning(publish: Callable[..., Settings]) -> None:
    text = words(printed(publish()))
    assert "Warnings marts_churn: failed: most are scored. Read the reasons." in text
    assert "there is one row" not in text


def test_an_unchanged_release_is_announced(publish: Callable[..., Settings]) -> None:
    assert "Nothing has changed since release r-1: it stays as it is." in printed(publish(), is_new=False)


def test_it_fits_80_columns_without_colour_or_trailing_blanks(publish: Callable[..., Settings]) -> None:
    text = printed(publish(), width=80)
    assert "\x1b" not in text
    lines = text.split("\nFiles\n")[0].splitlines()  # paths and commands are copied: never wrapped
    assert [line for line in lines if (len(line) > 80 and " " in line.strip()) or line != line.rstrip()] == []


def test_a_path_in_a_sentence_is_in_one_piece(publish: Callable[..., Settings], tmp_path: Path) -> None:
    settings = publish(CRM_HOME=str(tmp_path / "a-home-with-hyphens"))
    manifest = settings.serving / "current" / "release.json"
    told = {**json.loads(manifest.read_text(encoding="utf-8")), "accounts": "57 accounts: each balances."}
    manifest.write_text(json.dumps(told), encoding="utf-8")
    assert str(short(settings.serving / "current" / "report.md")) in printed(settings, width=40)


@pytest.mark.parametrize("home", ["home", "o'brien's \"home\""])
def test_the_query_can_be_pasted(
    publish: Callable[..., Settings], home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = [f"alter table marts.customer_360 add column {name} double" for name in ("clv_total", "net_sales")]
    settings = publish(*columns, CRM_HOME=str(tmp_path / home))
    monkeypatch.chdir(tmp_path)
    line = next(line for line in printed(settings).splitlines() if "import duckdb" in line)
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cleo" in done.stdout


def test_without_a_release_the_next_step_is_named(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(UserError, match="make run"):
        printed(make_settings())


def test_a_repair_is_reported(publish: Callable[..., Settings]) -> None:
    output = io.StringIO()
    console = Console(file=output, width=100, highlight=False)
    print_summary(publish(), console, is_new=False, repaired="/home/contacts.duckdb is gone")
    assert "/home/contacts.duckdb is gone. It was written again." in output.getvalue()
    assert "Nothing has changed" not in output.getvalue()
