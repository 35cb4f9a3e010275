"""The DuckDB inside a BI tool is older than this project's: it opens what is published, comments included."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.serving.releases import current_release, read_manifest
from pipeline.serving.retention import write_smaller
from tests.pipeline.serving.test_publish import publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

pytestmark = pytest.mark.slow
# One release of each line that BI tools ship, and the one that writes.
VERSIONS = ("1.1.3", "1.4.4", "1.5.6", "2.0.0")
READS = """
import json, sys
import duckdb
found = {"version": duckdb.__version__}
for path in sys.argv[1:]:
    with duckdb.connect(path, read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name, comment from duckdb_tables() order by all").fetchall()
        found[path] = {
            "rows": {f"{schema}.{name}":
                connection.execute(f'select count(*) from "{schema}"."{name}"').fetchall()[0][0]
                for schema, name, _ in tables},
            "values": [str(connection.execute(f'select * from "{schema}"."{name}" order by all').fetchall())
                for schema, name, _ in tables],
            "comments": sorted(comment for *_, comment in tables if comment),
            "column_comments": sorted(comment for (comment,) in connection.execute(
                "select comment from duckdb_columns() where comment is not null").fetchall()),
            "joined": "" if "core" not in {schema for schema, *_ in tables} else str(connection.execute(
                "select sum(o.net_sales), count(distinct c.customer_key) from core.fct_order as o"
                " inner join core.dim_customer as c using (customer_id)").fetchall()),
        }
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    settings = make_settings(tmp_path_factory.mktemp("published"))
    build_warehouse(settings)
    publish(settings)
    return settings


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    """Each version in a folder of its own; uv keeps the packages, so that they are fetched once on a machine."""
    folder, uv = tmp_path_factory.mktemp("readers"), Path(sys.executable).with_name("uv")
    for version in VERSIONS:
        packages = ["--target", folder / version, f"duckdb=={version}"]
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, *packages], check=True
        )
    return folder


def read(readers: Path, version: str, *paths: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-S", "-c", READS, *map(str, paths)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(readers / version)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found.pop("version") == version
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_duckdb_reads_what_this_one_wrote(published, readers, version):
    folder = current_release(published)
    paths = folder / "perennial.duckdb", folder / "contacts.duckdb"
    found = read(readers, version, *paths)
    assert found == read(readers, VERSIONS[-1], *paths)
    tables = read_manifest(folder)["tables"]
    assert found[str(paths[0])]["rows"] == {name: table["rows"] for name, table in tables.items()}
    assert found[str(paths[0])]["comments"] == ["One row per customer. Ana's row is here."]
    assert found[str(paths[0])]["column_comments"] == ["platinum, gold, iron or lead"]
    assert found[str(paths[1])]["rows"] == {"main.customer_source_id": 3, "main.dim_customer_contact": 2}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_duckdb_reads_a_monthly_release(published, readers, version, tmp_path):
    smaller = tmp_path / RELEASE.release_id
    write_smaller(current_release(published), smaller)
    found = read(readers, version, smaller / "perennial.duckdb")
    assert set(found[str(smaller / "perennial.duckdb")]["rows"]) == set(read_manifest(smaller)["tables"])
