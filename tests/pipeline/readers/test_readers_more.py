"""Whitespace-delimited text, gzip and Excel; broken files, each with its message."""

import datetime as dt
import gzip

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipeline.readers.test_readers import read, said

ODD_NAMES = ['a"b', "c;d", "e.f", "ü中"]


def test_whitespace_parts_columns(tmp_path):
    path = tmp_path / "sales.txt"
    path.write_text("title\nid  amount\tnote\n1  1.50\tü\n\n2 3\n  3\t4 x  \n", encoding="utf-8")
    rows, rejects = read([path], format="whitespace", skip_rows=1)
    assert rows == [("1", "1.50", "ü"), ("3", "4", "x")]
    assert [(reject["line"], reject["error"]) for reject in rejects] == [(5, "3 columns expected, 2 found")]


@pytest.mark.parametrize("form", ["csv", "whitespace", "fixed_width", "jsonl"])
def test_text_may_be_gzipped(tmp_path, form):
    texts = {"csv": "a\nx\n", "whitespace": "a\nx\n", "fixed_width": "x\n", "jsonl": '{"a": "x"}\n'}
    path = tmp_path / f"sales.{form}.gz"
    path.write_bytes(gzip.compress(texts[form].encode()))
    columns = {"columns": {"a": [0, 1]}} if form == "fixed_width" else {}
    assert read([path], format=form, **columns)[0] == [("x",)]


def test_a_truncated_gzip_is_named(tmp_path):
    path = tmp_path / "sales.csv.gz"
    path.write_bytes(gzip.compress(b"id,amount\n" + b"1,2\n" * 10_000)[:-20])
    message = said([path])
    for word in (str(path), "not a whole gzip file", "Copy it again"):
        assert word in message


def test_a_half_written_parquet_is_named(tmp_path):
    path = tmp_path / "sales.parquet"
    pq.write_table(pa.table({"id": range(1000)}), path)
    path.write_bytes(path.read_bytes()[:-100])
    message = said([path], format="parquet")
    for word in (str(path), "not a whole Parquet file", "Copy it again"):
        assert word in message


def test_a_broken_quote_costs_its_line_alone(tmp_path):
    path = tmp_path / "sales.csv"
    lines = [f"{number},note {number}" for number in range(2, 80_001)]
    lines[40_000 - 2] = '40000,"note'
    path.write_text("\n".join(["id,note", *lines, ""]), encoding="utf-8")
    rows, rejects = read([path])
    assert [(reject["line"], reject["error"]) for reject in rejects] == [(40_000, "a quote is not closed")]
    assert [row[0] for row in rows] == [str(number) for number in range(2, 80_001) if number != 40_000]


def test_excel_cells_are_text(tmp_path):
    workbook = openpyxl.Workbook()
    other = workbook.create_sheet("Sales 2024")
    other.append(["Export"])
    other.append(["id", "price", "at", "paid", None])
    other.append([1, 0.1, dt.datetime(2024, 1, 5, 10, 30), True])  # noqa: DTZ001 - Excel has no zones
    other.append([None, None, None, None])
    other.append([2.0, 1234567.25, dt.datetime(2024, 1, 6), False])  # noqa: DTZ001 - as above
    other.append([3, "#N/A", None, None])
    workbook.save(tmp_path / "sales.xlsx")
    rows, rejects = read([tmp_path / "sales.xlsx"], format="excel", sheet="Sales 2024", skip_rows=1)
    assert rows == [
        ("1", "0.1", "2024-01-05 10:30:00", "true"),
        ("2", "1234567.25", "2024-01-06", "false"),
    ]
    assert [(reject["line"], reject["error"]) for reject in rejects] == [(6, "cell B6 has the error #N/A")]


def test_a_missing_sheet_and_a_file_that_is_not_a_workbook_are_named(tmp_path):
    openpyxl.Workbook().save(tmp_path / "sales.xlsx")
    message = said([tmp_path / "sales.xlsx"], format="excel", sheet="Sails")
    for word in ("sales.xlsx", "'Sails'", "It has: Sheet", "`sheet`"):
        assert word in message
    (tmp_path / "half.xlsx").write_bytes((tmp_path / "sales.xlsx").read_bytes()[:500])
    assert "not a whole Excel workbook" in said([tmp_path / "half.xlsx"], format="excel")


@pytest.mark.parametrize("form", ["csv", "parquet", "excel"])
def test_hostile_column_names_arrive(tmp_path, form):
    path = tmp_path / "sales.dat"
    if form == "csv":
        path.write_text(",".join(f'"{n.replace(chr(34), chr(34) * 2)}"' for n in ODD_NAMES) + "\n1,2,3,4\n", "utf-8")
    elif form == "parquet":
        pq.write_table(pa.table({name: [str(number)] for number, name in enumerate(ODD_NAMES, 1)}), path)
    else:
        path = tmp_path / "sales.xlsx"
        workbook = openpyxl.Workbook()
        workbook.active.append(ODD_NAMES)
        workbook.active.append([1, 2, 3, 4])
        workbook.save(path)
    assert read([path], format=form, columns=ODD_NAMES)[0] == [("1", "2", "3", "4")]
