"""Grain: one row per (pair of records, rule) that links them, or might.

A model in Python, which dbt runs in its own process: what is cut, and where, is no question for SQL.
"""

import json
import os
from pathlib import Path

from mining.identity.pairs import judged_pairs
from mining.identity.step import scored_pairs


def model(dbt, session):
    """Judge the links of rules, people and a model."""
    path = os.environ.get("CRM_BUILD")  # as the macro of_build reads it
    build = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    seen = dbt.ref("int_customer_records")
    if path:
        seen = seen.filter(f"first_seen_at is null or first_seen_at < timestamp '{build['seen_before']}'")
    scored, held = scored_pairs(dbt.ref("int_party_records"), build)
    return judged_pairs(
        session,
        dbt.ref("int_customer_links"),
        seen,
        build.get("identity_decisions", []),
        numbers=dbt.ref("int_customer_numbers"),
        scored=scored,
        held=held,
    )
