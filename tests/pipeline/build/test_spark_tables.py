"""Tables of Spark: their types, their files' names as one path, and that a comparison sees what differs."""

from pathlib import Path

import duckdb
import pytest

from pipeline.build.macros import macros
from pipeline.build.spark.session import spark_type
from tests.support.builds.compared import differences

ROWS = """
select 1::bigint as id, 'a' as name, 0.1::double as share, null::timestamp as day
union all
select 2, 'b', 1e6, null
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("VARCHAR", "string"),
        ("INTEGER", "int"),
        ("BIGINT", "bigint"),
        ("DECIMAL(18,4)", "decimal(18,4)"),
        ("TIMESTAMP", "timestamp_ntz"),
        ("VARCHAR[]", "array<string>"),
    ],
)
def test_a_type_of_duckdb_is_one_of_spark(kind: str, expected: str) -> None:
    assert spark_type(kind) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["/h/a.parquet"], "`/h/a.parquet`"),
        (["/h/a.parquet", "/h/a.parquet"], "`/h/a.parquet`"),
        (["/h/b/2.parquet", "/h/b/1.parquet"], "`/h/b/{2.parquet,1.parquet}`"),
        (["/h/as_of=1/r.parquet", "/h/as_of=2/r.parquet"], "`/h/{as_of=1/r.parquet,as_of=2/r.parquet}`"),
        (["/h/a{1},*`.parquet"], "`/h/a\\{1\\}\\,\\*``.parquet`"),
    ],
)
def test_files_are_one_path_and_no_name_is_a_pattern(files: list[str], expected: str) -> None:
    assert macros("scores")["quoted_path"](files) == expected


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("select *", ""),
        ("select * replace (share + 1e-12 as share)", ""),
        ("select * replace (case when name = 'a' then 'other' else name end as name)", ""),
        ("select * replace (share + 1e-6 as share)", "differing: share 1"),
        ("select * replace ('2026-01-01'::timestamp as day)", "differing: day 2"),
        ("select * exclude (name)", "columns name in one of the two alone"),
        ("select * from rows union all select *", "2 only in the folders"),
    ],
)
def test_a_comparison_sees_what_differs_by_more_than_a_billionth(tmp_path: Path, changed: str, said: str) -> None:
    folder = tmp_path / "tables" / "core" / "t"
    folder.mkdir(parents=True)
    (folder / "_SUCCESS").touch()
    with duckdb.connect(str(tmp_path / "file.duckdb")) as connection:
        connection.execute(f"create schema core; create table core.t as {ROWS}")
        connection.execute(f"create temp table rows as {ROWS}")
        connection.execute(f"copy ({changed} from rows) to '{folder}/part-0.parquet' (format parquet)")
    found = list(differences(tmp_path / "file.duckdb", tmp_path / "tables", "core", {"other": "a"}))
    assert [said in str(each) for each in found] == [True] * bool(said)
