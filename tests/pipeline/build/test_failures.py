"""A build that failed says which line of which staging model is to be corrected."""

import json
from pathlib import Path

import pytest

from pipeline.base import settings as project
from pipeline.build.dbt_process.failures import failures

MODEL = """\
-- Grain: one row per order; the total is total.
with landed as (
    select * form {{ landed('orders') }}
)

{{ stage('orders', 'landed', columns={
    'order_id': 'order_id',
    'ordered_at': '"at"',
    'totl_amount': 'totl',
    'status': 'cast(code as decimal(18, 4))',
    'currency': 'tonumber(code)',
}) }}
"""
OF_MODEL = "(models/staging/shop/stg_shop__orders.sql)"
STATEMENT = "\n  \n  LINE 30:     null as tax_amount,\n            ^^^^"
# The failing node, dbt's message, and what is said of it after the folder of the staging models.
MESSAGES = [
    (
        "model.perennial.stg_shop__orders",
        (
            f"Runtime Error in model stg_shop__orders {OF_MODEL}\n"
            '  Binder Error: Referenced column "totl" not found in FROM clause!\n'
            f'  Candidate bindings: "total", "status"{STATEMENT}'
        ),
        (
            '/stg_shop__orders.sql, line 9: Binder Error: Referenced column "totl" not found in FROM clause! '
            'Candidate bindings: "total", "status"'
        ),
    ),
    (
        "model.perennial.stg_shop__orders",
        (
            f"Runtime Error in model stg_shop__orders {OF_MODEL}\n"
            '  Parser Error: syntax error at or near "("\n  \n  LINE 5:     select * form (\n      ^'
        ),
        '/stg_shop__orders.sql, line 3: Parser Error: syntax error at or near "("',
    ),
    (
        "model.perennial.stg_shop__orders",
        (
            f"Runtime Error in model stg_shop__orders {OF_MODEL}\n"
            f"  Catalog Error: Scalar Function with name tonumber does not exist!{STATEMENT}"
        ),
        "/stg_shop__orders.sql, line 11: Catalog Error: Scalar Function with name tonumber does not exist!",
    ),
    (
        "model.perennial.stg_shop__orders",
        (
            f"Compilation Error in model stg_shop__orders {OF_MODEL}\n"
            "  stg_shop__orders: 'totl_amount' is no column of the entity orders.\n\n  > in macro stage (macros/x.sql)"
        ),
        "/stg_shop__orders.sql, line 9: 'totl_amount' is no column of the entity orders.",
    ),
    (
        "model.perennial.int_orders__rows",
        (
            "Runtime Error in model int_orders__rows (models/intermediate/int_orders__rows.sql)\n"
            '  Conversion Error: Could not convert string "delivered" to DECIMAL(18,4) '
            "when casting from source column code"
            f"{STATEMENT}"
        ),
        (
            '/stg_shop__orders.sql, line 10: Conversion Error: Could not convert string "delivered" to DECIMAL(18,4) '
            "when casting from source column code"
        ),
    ),
]


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where dbt's results are to be, beside a staging model."""
    monkeypatch.setattr(project, "STAGING", tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "stg_shop__orders.sql").write_text(MODEL, encoding="utf-8")
    return tmp_path / "run_results.json"


@pytest.mark.parametrize(("node", "message", "said"), MESSAGES)
def test_the_line_of_the_staging_model_is_named(results: Path, node: str, message: str, said: str) -> None:
    result = {"unique_id": node, "status": "error", "message": message}
    results.write_text(json.dumps({"results": [result]}), encoding="utf-8")
    assert failures(results, results) == f"  {results.parent}/shop{said}"


def test_what_ended_dbt_before_it_built_anything_is_named_too(results: Path) -> None:
    log = results.with_name("dbt.log")
    _node, message, said = MESSAGES[3]
    log.write_text(f"10:40:10  Encountered an error:\n{message}\n", encoding="utf-8")
    assert failures(results, log) == f"  {results.parent}/shop{said}"
