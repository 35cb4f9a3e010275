"""What has landed since a release, for tests of lists that have no landing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipeline.base.settings import Settings
from pipeline.build.plan import Plan
from pipeline.outputs.lists.permissions import Permissions

COLUMNS = ("customer_id", "withheld_because", "can_email", "can_post", "can_call", "can_text", "has_unreadable")


def landed_since(
    monkeypatch: pytest.MonkeyPatch, *rows: tuple[Any, ...], has_consents: bool = False, lines: int = 0
) -> None:
    """Let an export find these rows of `part_customer_consent`, and nothing else."""

    @contextmanager
    def permissions(_: Settings, __: Plan, ___: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[Permissions]:
        connection.execute("attach ':memory:' as now")
        kinds = ("varchar", "varchar", *["boolean"] * 5)
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, kinds, strict=True))
        connection.execute(f"create table now.part_customer_consent ({columns})")
        for row in rows:
            connection.execute(f"insert into now.part_customer_consent values ({', '.join('?' * len(COLUMNS))})", row)
        yield Permissions(has_consents, unreadable_rows=sum(bool(row[-1]) for row in rows), unreadable_lines=lines)
        connection.execute("detach now")

    landing = SimpleNamespace(release_id=repr((rows, has_consents, lines)))
    for module in ("export", "verify"):
        monkeypatch.setattr(f"pipeline.outputs.lists.{module}.plan_of_landing", lambda *_: landing)
    monkeypatch.setattr("pipeline.outputs.lists.export.landed_permissions", permissions)
