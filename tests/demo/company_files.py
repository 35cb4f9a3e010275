"""Small demo companies on disk for the tests, and what stands in their files."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from demo.make import make_company
from demo.options import Options, read_options
from pipeline.base.settings import Settings, load_settings

Maker = Callable[..., Path]
SOURCES = "demo_shop,demo_service,demo_web,demo_marketing,demo_sales"
DAILY = {
    "demo_service": ("csv", ("customers", "contacts", "cases", "surveys")),
    "demo_web": ("jsonl", ("users", "events", "consents")),
    "demo_marketing": ("csv", ("recipients", "campaigns", "contacts", "responses", "costs")),
    "demo_sales": ("csv", ("accounts", "opportunities")),
}


def options(world: str = "retail", customers: int = 1_500, **given: object) -> Options:
    texts = {"world": world, "customers": str(customers)} | {name: str(value) for name, value in given.items()}
    return read_options(texts, {})


def settings_of(home: Path) -> Settings:
    return load_settings({"CRM_HOME": str(home), "CRM_SOURCES": SOURCES})


def make(home: Path, world: str = "retail", customers: int = 1_500, **given: object) -> Path:
    """Make a company and return its home."""
    make_company(settings_of(home), options(world, customers, **given))
    return home


def truth(home: Path, query: str) -> list[tuple]:
    """Query the truth: tables are named as the files."""
    with duckdb.connect() as connection:
        for path in sorted((home / "truth").glob("*.parquet")):
            connection.execute(f"create view {path.stem} as select * from read_parquet('{path}')")
        return connection.execute(query).fetchall()


def lines_of(home: Path, source: str, table: str) -> int:
    """Data lines of a table's daily files, broken ones included."""
    kind, _ = DAILY[source]
    files = sorted((home / "demo" / source.removeprefix("demo_") / table).iterdir())
    assert all(path.suffix == f".{kind}" for path in files)
    return sum(path.read_bytes().count(b"\n") - (kind == "csv") for path in files)


def files_of(home: Path) -> dict[str, bytes]:
    """Every file of a company by its path."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for folder in ("demo", "truth")
        for path in sorted((home / folder).rglob("*"))
        if path.is_file()
    }
