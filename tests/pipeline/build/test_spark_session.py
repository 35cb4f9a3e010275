"""The settings of a session follow from how much has landed."""

from pathlib import Path

import duckdb
import pytest

from pipeline.build.spark import session
from pipeline.build.spark.session import is_small


def test_few_rows_are_small_however_many_bytes_they_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SMALL_ROWS", 100)
    assert is_small(tmp_path / "nothing")
    duckdb.sql(
        f"copy (select repeat(md5(n::text), 1000) as text from range(60) as rows(n)) to '{tmp_path}/long.parquet'"
    )
    assert is_small(tmp_path)
    (tmp_path / "day").mkdir()
    duckdb.sql(f"copy (from range(40)) to '{tmp_path}/day/short.parquet'")
    assert not is_small(tmp_path)
