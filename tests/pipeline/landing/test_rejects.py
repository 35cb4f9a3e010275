"""Rejects: any number of them, in the order of the file, in bounded memory."""

import stat

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.landing.readers import rejects as limits
from pipeline.landing.readers.rejects import SCHEMA, Rejects
from tests.pipeline.readers.test_readers import read
from tests.support.companies.fuzz import lander

HALF_BROKEN = {
    "csv": ("a,b\n", "{n},x\n", "{n}\n"),
    "jsonl": ("", '{{"a": {n}}}\n', '{{"a": {n}\n'),
    "whitespace": ("a b\n", "{n} x\n", "{n}\n"),
}


@pytest.mark.parametrize("form", HALF_BROKEN)
def test_more_rejects_than_fit_in_memory_keep_their_order(tmp_path, monkeypatch, form):
    monkeypatch.setattr(limits, "ROWS_IN_MEMORY", 7)
    header, sound, broken = HALF_BROKEN[form]
    path = tmp_path / "sales.txt"
    path.write_text(header + "".join((broken if n % 2 else sound).format(n=n) for n in range(200)), encoding="utf-8")
    rows, rejects = read([path], format=form)
    first = 1 + header.count("\n")
    assert [row[0] for row in rows] == [str(n) for n in range(0, 200, 2)]
    assert [reject["line"] for reject in rejects] == [first + n for n in range(1, 200, 2)]


@pytest.mark.parametrize(("rows", "characters"), [(3, 1000), (1000, 25)])
def test_only_the_last_rejects_stay_in_memory(tmp_path, monkeypatch, rows, characters):
    monkeypatch.setattr(limits, "ROWS_IN_MEMORY", rows)
    monkeypatch.setattr(limits, "CHARACTERS_IN_MEMORY", characters)
    rejects = Rejects(tmp_path / "many.parquet")
    for line in range(1, 11):
        rejects.add("sales.csv", line, "broken", "ten letters")
        assert len(rejects._recent) < 3
    assert len(rejects) == 10
    rejects.write(tmp_path / "target.parquet")
    written = pq.read_table(tmp_path / "target.parquet")
    assert written.schema.equals(SCHEMA)
    assert written["line"].to_pylist() == [*range(1, 11)]
    assert rejects.to_pylist() == written.to_pylist()
    assert stat.S_IMODE((tmp_path / "target.parquet").stat().st_mode) == 0o600


@pytest.mark.slow
def test_millions_of_rejects_stay_within_memory(tmp_path):
    """A CSV of which half is broken; the process has the limits of the fuzz tests."""
    header, sound, broken = HALF_BROKEN["csv"]
    count = 2_000_000
    with (tmp_path / "sales.txt").open("w", encoding="utf-8") as file:
        file.write(header)
        file.writelines((broken if n % 2 else sound).format(n=n) for n in range(count))
    with lander(tmp_path) as process:
        answer = process.answer(yaml.safe_dump(process.source({"format": "csv"})).encode())
    assert answer["received"] == count
    assert pq.read_metadata(tmp_path / "home" / answer["rejects"]).num_rows == count // 2
