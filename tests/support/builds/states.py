"""What stands in the project's state files, in full, for tests that need one or damage one."""

from hashlib import sha256
from typing import Any

CHECK = {
    "suite": "marts_grain",
    "check": "a key is there once",
    "expectation": "query",
    "column": None,
    "severity": "warn",
    "success": True,
    "observed": "0",
    "reason": "r",
    "owner": "o",
    "first_action": "look",
}
MODEL = {
    "job": "churn",
    "model_version": "churn-2024-01-04-abc",
    "as_of_date": "2024-01-04",
    "sources": ["shop"],
    "mining_code": "m",
    "needs": {"horizon_days": 28},
    "is_published": True,
    "coefficients": [0.5, -1.25],
}
ENTRY = {
    "release_id": "2024-01-04-aaaaaaaaaaaa",
    "as_of_date": "2024-01-04",
    "sources": ["shop"],
    "sequence": 1,
    "code_version": "c",
    "input_hash": "i",
    "basis_hash": "b",
    "rolled_back_to": None,
    "score_files": {"clv": ["scores/clv.parquet"]},
    "files": {"scores/clv.parquet": {"bytes": 1, "sha256": sha256(b"x").hexdigest()}},
}
MANIFEST = {
    "release_id": "2024-01-04-aaaaaaaaaaaa",
    "as_of_date": "2024-01-04",
    "sources": ["shop"],
    "code_version": "c",
    "input_hash": "i",
    "erased": {"shop": "e"},
    "checks_passed": 1,
    "checks_warned": 0,
    "tables": {"core.fct_order": {"rows": 1, "columns": {"order_id": "VARCHAR"}, "content_hash": "h"}},
    "files": {"report.md": {"bytes": 1, "sha256": "s"}},
}


def receipt_of(source: str, table: str, **values: Any) -> dict[str, Any]:
    """A receipt of one day, whose file is `a.parquet`."""
    return {
        "source": source,
        "table": table,
        "file": f"landing/{source}/{table}/a.parquet",
        "load": "append",
        "interval": "20240101T000000Z_20240102T000000Z",
        "content_hash": "a",
        "generation": 1,
        "schema": [],
        "interval_start": "2024-01-01T00:00:00Z",
        "interval_end": "2024-01-02T00:00:00Z",
        "source_files": [],
        "received": 0,
        "unreadable": 0,
        "is_first_load": True,
        "first_event_at": None,
        "last_event_at": None,
        **values,
    }
