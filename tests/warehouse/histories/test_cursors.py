"""A cursor orders the versions of a key, in whatever order and grouping files arrive; a row may delete its key."""

import json
from pathlib import Path

import pytest

from tests.warehouse.till import Till, make_till

TABLES = """\
  receipts:
    file: "*.csv"
    format: csv
    load: append
    key: [receipt]
    event_time: at
    cursor: changed_at
    deleted: is void
    columns: [receipt, who, at, amount, changed_at, is void]
"""
STAGING = """\
{{ stage('orders', landed('receipts'), columns={
    'order_id': 'receipt',
    'source_customer_id': 'who',
    'total_amount': 'amount',
    'ordered_at': '"at"',
}) }}
"""
# Lands each group of files in a load of its own, then builds the versions of orders and what they need.
LAND_AND_BUILD = """
import shutil
from pathlib import Path
from pipeline.build import dbt
from pipeline.landing import land_source
from pipeline.build.plan import make_plan
from pipeline.base.settings import load_settings

settings = load_settings()
for group in {groups}:
    for name in group:
        shutil.copy(Path({files!r}) / name, {folder!r})
    assert land_source(settings, "till")["receipts"] != "unchanged"
make_plan(settings)
dbt.selectors = lambda settings, layer: ["+int_orders"]
dbt.run_layers(settings, "intermediate")
"""
Files = dict[str, list[tuple[str, ...]]]
HEADER = ("receipt", "who", "at", "amount", "changed_at", "is void")
DAY = "2024-03-04 10:00:00"


def row(receipt: str, amount: str, changed_at: str, void: str = "") -> tuple[str, ...]:
    return (receipt, "ana", DAY, amount, changed_at, void)


FILES: Files = {
    "monday.csv": [
        row("corrected in its load", "2.00", "2024-03-04 12:00:00"),
        row("corrected in its load", "1.00", "2024-03-04 11:00:00"),
        row("corrected later", "1.00", "2024-03-04 11:00:00"),
        row("older comes late", "2.00", "2024-03-04 12:00:00"),
        row("voided", "1.00", "2024-03-04 11:00:00", "0"),
        row("voided by its key alone", "1.00", "2024-03-04 11:00:00"),
        row("voided, then sold", "1.00", "2024-03-04 11:00:00", "no"),
        row("sent twice", "1.00", "2024-03-04 11:00:00"),
        row("touched, not changed", "1.00", "2024-03-04 11:00:00"),
        # Nothing says which amount is right.
        row("unclear", "1.00", "2024-03-04 11:00:00"),
        row("unclear", "2.00", "2024-03-04 11:00:00"),
        # The same moment, written in two ways.
        row("unclear, with a zone", "1.00", "2024-03-04 11:00:00"),
        row("unclear, with a zone", "2.00", "2024-03-04T10:00:00Z"),
        # 11:30 in Berlin.
        row("other zone", "2.00", "2024-03-04T10:30:00Z"),
        row("other zone", "1.00", "2024-03-04 11:00:00"),
        row("without cursor", "2.00", "2024-03-04 11:00:00"),
        row("numbered", "10.00", "10"),
        row("numbered", "9.00", "9"),
        row("worded", "2.00", "b"),
        row("worded", "1.00", "a"),
        row("spoiled", "1.00", "2024-03-04 11:00:00"),
    ],
    "tuesday.csv": [
        row("corrected later", "2.00", "2024-03-05 11:00:00"),
        row("voided", "1.00", "2024-03-05 11:00:00", "TRUE"),
        ("voided by its key alone", "", "", "", "2024-03-05 11:00:00", "y"),
        row("voided, then sold", "1.00", "2024-03-05 11:00:00", "1"),
        row("voided before it came", "1.00", "2024-03-05 11:00:00", "d"),
        row("without cursor", "1.00", ""),
        row("touched, not changed", "1.00", "2024-03-05 11:00:00"),
        row("spoiled", "2,00", "2024-03-05 11:00:00"),
    ],
    "wednesday.csv": [
        row("older comes late", "1.00", "2024-03-04 11:00:00"),
        row("voided, then sold", "3.00", "2024-03-06 11:00:00", "f"),
        row("voided before it came", "1.00", "2024-03-04 11:00:00"),
        row("sent twice", "1.00", "2024-03-04 11:00:00"),
    ],
}
CURRENT = {
    "corrected in its load": "2.0000",
    "corrected later": "2.0000",
    "numbered": "10.0000",
    "older comes late": "2.0000",
    "other zone": "2.0000",
    "sent twice": "1.0000",
    "spoiled": "1.0000",
    "touched, not changed": "1.0000",
    "voided, then sold": "3.0000",
    "without cursor": "2.0000",
    "worded": "2.0000",
}
QUARANTINED = [
    ("spoiled", "total_amount: not a decimal", 1),
    ("unclear", "order_id: different rows with the same key in one load", 2),
    ("unclear, with a zone", "order_id: different rows with the same key in one load", 2),
]
DUPLICATES = [("sent twice", 1), ("touched, not changed", 1)]


def build(folder: Path, groups: list[list[str]], contents: Files = FILES) -> Till:
    till = make_till(folder, TABLES, {"orders": STAGING})
    till.folder.mkdir()
    files = Till(till.project, folder / "files", till.home)
    for name, rows in contents.items():
        files.write(name, HEADER, rows)
    till.run(LAND_AND_BUILD.format(groups=json.dumps(groups), files=str(files.folder), folder=str(till.folder)))
    return till


@pytest.mark.parametrize(
    "groups",
    [
        [["monday.csv", "tuesday.csv", "wednesday.csv"]],
        [["monday.csv"], ["tuesday.csv"], ["wednesday.csv"]],
        [["wednesday.csv"], ["tuesday.csv", "monday.csv"]],
    ],
    ids=["in one load", "day by day", "backwards"],
)
def test_order_and_grouping_of_files_move_nothing(tmp_path: Path, groups: list[list[str]]) -> None:
    till = build(tmp_path, groups)
    assert dict(till.ask("select order_id, total_amount::varchar from intermediate.int_orders")) == CURRENT
    fates = "select order_id, {} count(*) from intermediate.int_orders__rows where _fate = '{}' group by all order by 1"
    assert till.ask(fates.format("_reason,", "quarantined")) == QUARANTINED
    assert till.ask(fates.format("", "duplicate")) == DUPLICATES
    delivered = sum(len(rows) for rows in FILES.values())
    assert till.ask("select count(*) from intermediate.int_orders__rows") == [(delivered,)]


def test_a_version_is_known_since_it_was_first_loaded(tmp_path: Path) -> None:
    till = build(tmp_path, [["tuesday.csv"], ["wednesday.csv"], ["monday.csv"]])
    accepted = "from intermediate.int_orders__rows where _fate = 'accepted' and order_id = '{}'"
    # Delivered on Tuesday; Monday's row, which came last, says the same with an older cursor.
    assert till.ask(f"select _generation, _is_current {accepted}".format("touched, not changed")) == [(1, True)]
    assert till.ask(f"select _generation, _is_current {accepted} order by 1".format("corrected later")) == [
        (1, True),
        (3, False),
    ]


def test_a_later_load_knows_a_key_since_its_first_version(tmp_path: Path) -> None:
    files = {
        "monday.csv": [row("corrected", "1.00", "2024-03-04 11:00:00")],
        "thursday.csv": [
            row("corrected", "2.00", "2024-03-07 11:00:00"),
            ("new", "ana", "2024-03-07 10:00:00", "1.00", "2024-03-07 11:00:00", ""),
        ],
        "friday.csv": [("new", "ana", "2024-03-08 10:00:00", "2.00", "2024-03-08 11:00:00", "")],
    }
    till = build(tmp_path, [[name] for name in files], files)
    known = till.ask(
        "select order_id, total_amount::varchar, _known_from::date::varchar, _first_known_from::date::varchar"
        " from intermediate.int_orders__rows order by all"
    )
    # A row of the first load is known from its event: null.
    assert known == [
        ("corrected", "1.0000", None, None),
        ("corrected", "2.0000", "2024-03-07", None),
        ("new", "1.0000", "2024-03-07", "2024-03-07"),
        ("new", "2.0000", "2024-03-08", "2024-03-07"),
    ]
