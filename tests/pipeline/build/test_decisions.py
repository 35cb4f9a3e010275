"""What people decide about who is one customer, and which line is wrong."""

from pathlib import Path

import pytest

from pipeline.base.errors import UserError
from pipeline.base.settings import load_settings
from pipeline.build.decisions import COLUMNS, check_decisions, decided, read_decisions

FILE = Path("decisions.csv")
ROW = "never,demo_shop,1042,demo_service,S-77,Olga Lim,mother and daughter,2026-01-31"


def text(*rows: str) -> str:
    return "\n".join([",".join(COLUMNS), *rows, ""])


def test_a_row_is_read_with_who_decided_and_why():
    (row,) = check_decisions(text(ROW, ""), FILE)
    assert (row["decision"], row["decided_by"], row["reason"]) == ("never", "Olga Lim", "mother and daughter")


def test_the_last_row_about_two_records_counts_in_either_order():
    back = "same,demo_service,S-77,demo_shop,1042,Olga Lim,she called again,2026-02-01"
    rows = check_decisions(text(ROW, back), FILE)
    assert len(rows) == 2
    assert decided(rows) == [
        {
            "decision": "same",
            "source_system": "demo_service",
            "source_customer_id": "S-77",
            "other_source_system": "demo_shop",
            "other_source_customer_id": "1042",
        }
    ]
    assert decided(rows[::-1])[0]["decision"] == "never"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (ROW.replace("never", "maybe"), "line 3, column decision: 'maybe' is none. Write same or never."),
        (ROW.replace("Olga Lim", " "), "line 3, column decided_by: it is empty. Write a value."),
        (ROW.replace("demo_shop", "shop"), "line 3, column source_system: there is no source 'shop'. Known: "),
        (ROW.replace("2026-01-31", "31.1.2026"), "line 3, column decided_on: '31.1.2026' is no date."),
        (ROW.replace("demo_service,S-77", "demo_shop,1042"), "line 3, column other_source_customer_id: it is the same"),
        (ROW + ",more", "line 3 has 9 values, and should have 8: "),
    ],
)
def test_a_row_that_cannot_be_used_is_named_with_its_column(line: str, said: str):
    with pytest.raises(UserError) as error:
        check_decisions(text(ROW.replace("1042", "7"), line), FILE)
    assert str(error.value).startswith(f"decisions.csv, {said}")


def test_another_header_is_named():
    with pytest.raises(UserError, match=r"decisions\.csv, line 1: the columns are a, b\. Write decision,source_system"):
        check_decisions("a,b\n", FILE)
    with pytest.raises(UserError, match="line 1: the columns are missing"):
        check_decisions("", FILE)


def test_never_contradicts_a_chain_of_same():
    same = ["same,demo_shop,1042,demo_shop,7,O,r,2026-01-31", "same,demo_service,S-77,demo_shop,7,O,r,2026-01-31"]
    with pytest.raises(UserError, match=r"line 3, column decision: 'never' contradicts .*\(line 2, 4\)"):
        check_decisions(text(same[0], ROW, same[1]), FILE)
    taken_back = same[1].replace("same", "never")
    assert len(check_decisions(text(same[0], ROW, same[1], taken_back), FILE)) == 4


def test_without_a_file_nobody_has_decided(tmp_path: Path):
    settings = load_settings({"CRM_HOME": str(tmp_path), "CRM_SOURCES": "demo_*"})
    assert read_decisions(settings) == []
    settings.identity_decisions.write_bytes(b"\xef\xbb\xbf" + text(ROW).encode())
    assert len(read_decisions(settings)) == 1
    settings.identity_decisions.write_bytes(b"\xff")
    with pytest.raises(UserError, match="bytes that are not UTF-8"):
        read_decisions(settings)
