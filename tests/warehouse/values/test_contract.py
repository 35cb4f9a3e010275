"""A rule that the yml of a model states stops the build, and is named with the number of rows that break it."""

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipeline.base.catalog import Contract, Table
from pipeline.base.settings import DBT_PROJECT
from pipeline.build.contracts import rules_of
from pipeline.build.dbt_process.failures import failures
from tests.support.builds.quick import TABLES_ONLY

AS_OF = dt.date(2024, 3, 31)
ORDERS = """
select * from (values
    ('1', 'paid', 10.00, 2.00, 12.00, date '2024-03-01'), ('2', 'paid', 5.00, 0.00, 5.00, date '2024-04-01')
) as t (order_id, status, goods, shipping, net, known_date)
"""
# An order is there twice, one has no id, one another status, one no amount, and one does not add up.
SALES = """
select * from (values
    ('1', 'paid', 10.00, 2.00, 12.00), ('1', 'paid', 10.00, 2.00, 12.00), (null, 'paid', 1.00, 0.00, 1.00),
    ('3', 'lost', 1.00, 0.00, 1.00), ('4', 'paid', null, 0.00, 1.00), ('5', 'paid', 1.00, 0.00, 9.00)
) as t (order_id, status, goods, shipping, net)
"""
RULES = {
    "owner": "tests",
    "grain": ["order_id"],
    "required": ["goods"],
    "values": {"status": ["paid", "waiting"]},
    "identities": ["goods + shipping = net"],
    "totals": [
        {"total": "net", "equals": {"orders": "net"}},
        {"total": "net where status = 'paid' and order_id = '1'", "equals": {"orders": "net * 2"}, "as_of": True},
        {"total": "net", "equals": {"orders": "0"}, "account": "made by the gate"},
    ],
}
BROKEN = (
    "sales breaks its contract: keys that are null or there twice, order_id (2); rows without goods (1); "
    "rows in which status is none of paid, waiting (1); rows in which this does not hold, goods + shipping = net (2); "
    "total of net less that of orders (19.00)"
)


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run dbt in a project."""
    words = ["build", "--project-dir", str(folder), "--profiles-dir", str(folder), "--log-path", str(folder / "logs")]
    return subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *words],
        cwd=folder,
        env={**os.environ, "CRM_HOME": str(folder), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def described(name: str, meta: dict[str, Any]) -> Table:
    """A table as its yml describes it."""
    return Table(name, "steps", Path(f"{name}.yml"), "", (), Contract.model_validate(meta))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the macros of this one, whose model `sales` breaks every rule and `orders` keeps the same ones."""
    folder = tmp_path_factory.mktemp("contract")
    for part in ("macros", "tests/generic"):
        shutil.copytree(DBT_PROJECT / part, folder / part)
    sound = {name: rule for name, rule in RULES.items() if name != "totals"}
    tables = {
        "orders": described("orders", sound | {"date": "known_date"}),
        "sales": described("sales", RULES),
        "nothing": described("nothing", {"owner": "tests", "grain": ["order_id"]}),
    }
    project = {
        **yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8")),
        "models": {"perennial": {"+materialized": "table", "+schema": "steps", "+post-hook": "{{ keep_contract() }}"}},
    }
    rules = {name: list(map(list, rules_of(table, tables, AS_OF))) for name, table in tables.items()}
    project["vars"]["rules"] = rules
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    shutil.copy(DBT_PROJECT / "profiles.yml", folder)
    models = folder / "models"
    models.mkdir()
    (models / "orders.sql").write_text(ORDERS, encoding="utf-8")
    (models / "sales.sql").write_text(f"-- made from {{{{ ref('orders') }}}}\n{SALES}", encoding="utf-8")
    (models / "nothing.sql").write_text("select * from {{ ref('orders') }} where false", encoding="utf-8")
    (models / "after.sql").write_text("select * from {{ ref('sales') }}", encoding="utf-8")
    done = build(folder)
    assert done.returncode == 1, done.stdout[-3000:]
    return folder


def test_each_broken_rule_is_named_with_its_rows(built: Path) -> None:
    said = failures(built / "target" / "run_results.json", built / "no.log")
    assert BROKEN in said
    assert "macros/" not in said
    assert len(said.splitlines()) == 1, "orders keeps the same rules"


def test_nothing_is_built_from_a_table_that_breaks_its_contract(built: Path) -> None:
    results = (built / "target" / "run_results.json").read_text(encoding="utf-8")
    found = {each["unique_id"]: each["status"] for each in yaml.safe_load(results)["results"]}
    assert found["model.perennial.after"] == "skipped"
    assert found["model.perennial.sales"] == "error"
    with duckdb.connect(str(built / "warehouse.duckdb"), read_only=True) as warehouse:
        tables = warehouse.execute("select table_name from duckdb_tables()").fetchall()
    assert set(tables) == {("orders",), ("nothing",)}, "a table that breaks its contract is not kept"


def test_a_build_without_data_tests_leaves_the_contract_out(built: Path, tmp_path: Path) -> None:
    copy = tmp_path / "project"
    shutil.copytree(built, copy, ignore=shutil.ignore_patterns("target", "logs"))
    done = build(copy, **TABLES_ONLY)
    assert done.returncode == 0, done.stdout[-3000:]
