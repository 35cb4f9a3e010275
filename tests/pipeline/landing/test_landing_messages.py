"""Loads of files that cannot be landed: what is said, and what is left as it was."""

import duckdb

from pipeline.landing import land_source, land_table, plan_source
from pipeline.landing.receipts import read_receipts
from tests.conftest import SALES
from tests.support.builds.loads import TWO_SALES, day, landed_files, said

INTERVAL = "20231231T230000Z_20240107T230000Z"


def rows_of(settings, receipt):
    return duckdb.sql(f"select * from '{settings.home / receipt['file']}' order by _position").fetchall()


def test_a_failed_load_leaves_the_landing_as_it_was(shop):
    folder, settings = shop
    land_source(settings, "shop")
    before = landed_files(settings)
    for content in (b"", b"id,sold_at\n", b"id,when\n1,2024-01-05\n", b"id,sold_at\n\xff,2024-01-05\n"):
        (folder / "sales.csv").write_bytes(content)
        said(land_source, settings, "shop")
        assert landed_files(settings) == before
    (folder / "sales.csv").unlink()
    said(land_source, settings, "shop")
    assert landed_files(settings) == before


def test_a_missing_file_is_named_with_the_hint(shop):
    folder, settings = shop
    (folder / "sales.csv").unlink()
    for action in (land_source, plan_source):
        message = said(action, settings, "shop")
        for word in ("shop.sales", str(folder / "sales.csv"), "Next step: ask the shop for its export"):
            assert word in message


def test_an_empty_file_is_named(shop):
    folder, settings = shop
    (folder / "sales.csv").write_bytes(b"")
    message = said(land_source, settings, "shop")
    for word in (str(folder / "sales.csv"), "empty (0 bytes)", "ask the shop"):
        assert word in message


def test_no_rows_is_an_error_unless_allowed(define_source, make_settings):
    refunds = {**SALES, "file": "refunds.csv"}
    folder = define_source("shop", tables={"sales": SALES, "refunds": refunds})
    (folder / "sales.csv").write_text(TWO_SALES, encoding="utf-8")
    (folder / "refunds.csv").write_text("id,sold_at\n", encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    message = said(land_source, settings, "shop")
    for word in ("shop.refunds", "refunds.csv", "no rows", "`may_be_empty: true`", "dags/sources/shop.yml"):
        assert word in message
    define_source("shop", tables={"sales": SALES, "refunds": {**refunds, "may_be_empty": True}})
    assert land_source(settings, "shop")["refunds"]["received"] == 0


def test_a_source_that_may_be_empty_and_is_lands_its_first_day(define_source, make_settings):
    folder = define_source("desk", tables={"calls": {**SALES, "file": "calls.csv", "may_be_empty": True}})
    (folder / "calls.csv").write_text("id,sold_at\n", encoding="utf-8")
    receipt = land_source(make_settings(CRM_SOURCES="desk"), "desk")["calls"]
    assert receipt["received"] == 0
    assert receipt["interval"] == "20231231T230000Z_20240101T230000Z"


def test_a_file_of_broken_lines_only_is_named(define_source, make_settings):
    folder = define_source("shop", tables={"sales": SALES, "notes": {**SALES, "file": "notes.csv", "event_time": None}})
    (folder / "sales.csv").write_text(TWO_SALES, encoding="utf-8")
    (folder / "notes.csv").write_text("id,note\n1\n2\n", encoding="utf-8")
    settings = make_settings(CRM_SOURCES="shop")
    message = said(land_source, settings, "shop")
    for word in ("shop.notes", "none of the 2 rows", "line 2: 2 columns expected, 1 found", "`delimiter`"):
        assert word in message


def test_a_link_out_of_the_location_is_refused(shop, tmp_path):
    folder, settings = shop
    outside = tmp_path / "private.csv"
    (folder / "sales.csv").rename(outside)
    (folder / "sales.csv").symlink_to(outside)
    message = said(land_source, settings, "shop")
    for word in (str(folder / "sales.csv"), "link out of"):
        assert word in message


def test_a_location_that_is_the_file(define_source, make_settings, tmp_path):
    path = tmp_path / "all sales.csv"
    path.write_text(TWO_SALES, encoding="utf-8")
    define_source("shop", location=str(path), tables={"sales": {k: v for k, v in SALES.items() if k != "file"}})
    assert land_source(make_settings(CRM_SOURCES="shop"), "shop")["sales"]["received"] == 2


def test_an_unknown_table_is_named(shop):
    _, settings = shop
    message = said(land_table, settings, "shop", "sails", interval_end=day(9))
    for word in ("'shop'", "'sails'", "It has: sales"):
        assert word in message


def test_a_file_that_changes_while_it_is_read_is_not_landed(shop, monkeypatch):
    _, settings = shop

    def append_and_hash(path):
        with path.open("a") as handle:
            handle.write("3,2024-01-06 10:00:00,1.00\n")
        return "0" * 64

    monkeypatch.setattr("pipeline.landing.files.sha256_of_file", append_and_hash)
    message = said(land_table, settings, "shop", "sales", interval_end=day(9))
    for word in ("shop.sales", "changed while it was read", "Run again"):
        assert word in message
    assert landed_files(settings) == {}


def test_leftovers_of_a_killed_load_are_removed_and_never_taken_for_data(shop):
    _, settings = shop
    receipt = land_source(settings, "shop")["sales"]
    before = landed_files(settings)
    table = settings.landing / "shop" / "sales"
    (table / ".tmp-99-x.parquet").write_bytes(b"half")
    (table / ".tmp-99-x.json").write_text("{")
    (table / f"{INTERVAL}.ffffffffffff.parquet").write_bytes(b"no receipt")
    (table / f"{INTERVAL}.ffffffffffff.rejects.parquet").write_bytes(b"no receipt")
    assert [each["file"] for each in read_receipts(settings, "shop", "sales")] == [receipt["file"]]
    assert land_source(settings, "shop") == {"sales": "unchanged"}
    assert landed_files(settings) == before


def test_a_receipt_without_its_file_is_named(shop):
    _, settings = shop
    receipt = land_source(settings, "shop")["sales"]
    (settings.home / receipt["file"]).unlink()
    message = said(read_receipts, settings, "shop", "sales")
    for word in (".json", receipt["file"], "gone", "run the load again"):
        assert word in message
