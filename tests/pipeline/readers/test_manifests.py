"""Manifests: the files that they list are read, each is in the receipt, and one that is missing is named."""

import json
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.landing import land_source
from tests.conftest import SALES
from tests.support.builds.loads import said

TABLE = {**SALES, "format": "parquet_manifest"}


def part(number: int) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [number], "sold_at": [f"2024-01-0{number}"]}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def export(folder: Path, numbers: list[int], manifest: Any = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"part-{number}.parquet").write_bytes(part(number))
    listed = {"files": [f"part-{number}.parquet" for number in numbers]} if manifest is None else manifest
    (folder / "manifest.json").write_text(json.dumps(listed), encoding="utf-8")


def ids(settings, receipt) -> list[int]:
    return pq.read_table(settings.home / receipt["file"])["id"].to_pylist()


@pytest.fixture
def bucket():
    """A file system in memory, empty afterwards."""
    memory = fsspec.filesystem("memory")
    yield memory
    memory.rm("/", recursive=True)


@pytest.mark.parametrize(
    "manifest",
    [
        {"files": ["part-3.parquet", "part-1.parquet", "part-3.parquet"]},
        {"entries": [{"url": "part-3.parquet", "mandatory": True}, {"url": "part-1.parquet"}]},
        {"entries": [{"path": "part-3.parquet"}, {"path": "part-1.parquet"}]},
    ],
)
def test_the_listed_files_are_read_in_their_order(define_source, make_settings, manifest):
    folder = define_source("shop", tables={"sales": {**TABLE, "file": "export/manifest.json"}})
    settings = make_settings(CRM_SOURCES="shop")
    export(folder / "export", [1, 2, 3], manifest)
    receipt = land_source(settings, "shop")["sales"]
    assert ids(settings, receipt) == [3, 1]
    assert [file["name"] for file in receipt["source_files"]] == ["part-3.parquet", "part-1.parquet"]
    assert land_source(settings, "shop") == {"sales": "unchanged"}


def test_a_new_manifest_adds_its_new_files(define_source, make_settings):
    table = {**TABLE, "file": "*/manifest.json", "load": "append"}
    folder = define_source("shop", tables={"sales": table})
    settings = make_settings(CRM_SOURCES="shop")
    export(folder / "day1", [1, 2])
    assert ids(settings, land_source(settings, "shop")["sales"]) == [1, 2]
    export(folder / "day2", [2, 3])
    assert ids(settings, land_source(settings, "shop")["sales"]) == [3]


@pytest.mark.parametrize("beginning", ["", "memory://shop/export/"])
def test_a_remote_manifest_lists_names_or_addresses(bucket, define_source, make_settings, beginning):
    define_source("shop", location="memory://shop", tables={"sales": {**TABLE, "file": "export/manifest.json"}})
    settings = make_settings(CRM_SOURCES="shop")
    for number in (1, 2):
        bucket.pipe(f"/shop/export/a/part[{number}].parquet", part(number))
    listed = {"entries": [{"url": f"{beginning}a/part[{number}].parquet"} for number in (1, 2)]}
    bucket.pipe("/shop/export/manifest.json", json.dumps(listed).encode())
    assert ids(settings, land_source(settings, "shop")["sales"]) == [1, 2]
    bucket.rm_file("/shop/export/a/part[2].parquet")
    bucket.pipe("/shop/export/manifest.json", json.dumps({**listed, "comment": "again"}).encode())
    message = said(land_source, settings, "shop")
    assert f"shop.sales: manifest.json lists {beginning}a/part[2].parquet, which is not there" in message


def test_the_location_may_be_the_manifest_itself(bucket, define_source, make_settings):
    define_source("shop", location="memory://shop/manifest.json", tables={"sales": {**TABLE, "file": None}})
    settings = make_settings(CRM_SOURCES="shop")
    bucket.pipe("/shop/part-1.parquet", part(1))
    bucket.pipe("/shop/manifest.json", b'{"files": ["part-1.parquet"]}')
    assert ids(settings, land_source(settings, "shop")["sales"]) == [1]


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"files": ["part-1.parquet", "part-9.parquet"]}, "lists part-9.parquet, which is not there. Run again"),
        ({"files": ["part-1.parquet", "empty.parquet"]}, "lists empty.parquet, which is empty (0 bytes)"),
        ({"files": ["../../outside.parquet"]}, "lists ../../outside.parquet, which lies outside"),
        ({"files": ["/etc/hosts"]}, "lists /etc/hosts, which lies outside"),
        ({"files": ["link.parquet"]}, "lists link.parquet, which lies outside"),
        ({"files": ["file:///etc/hosts"]}, "lists file:///etc/hosts, which lies outside"),
        ({"files": []}, "manifest.json lists no files"),
        ({"parts": ["part-1.parquet"]}, "manifest.json lists no files"),
        (["part-1.parquet"], "manifest.json is not a manifest"),
        ({"files": [{"name": "x"}]}, "manifest.json is not a manifest"),
        ({"files": [7]}, "manifest.json is not a manifest"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_in_one_sentence(define_source, make_settings, tmp_path, manifest, words):
    folder = define_source("shop", tables={"sales": {**TABLE, "file": "export/manifest.json"}})
    settings = make_settings(CRM_SOURCES="shop")
    export(folder / "export", [1], manifest)
    (folder / "export" / "empty.parquet").touch()
    (tmp_path / "outside.parquet").write_bytes(part(1))
    (folder / "export" / "link.parquet").symlink_to(tmp_path / "outside.parquet")
    message = said(land_source, settings, "shop")
    assert words in message
    assert message.startswith("shop.sales: ")
    assert "\n" not in message
