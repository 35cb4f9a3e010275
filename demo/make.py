"""Make the company: lives, systems, files, truth; each is whole or absent."""

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

from demo import truth
from demo.manifest import MANIFEST, check_home, describe
from demo.options import Options
from demo.systems import marketing, sales, service, shop, web
from demo.systems.deliver import write_days, write_sqlite
from demo.systems.records import make_persons
from demo.world.company import Company, open_company
from demo.world.lives import simulate
from demo.world.worlds import get_world
from pipeline.base.files import TEMPORARY_PREFIX, write_json
from pipeline.base.settings import Settings, make_folder

DAILY = (("service", service, "csv"), ("web", web, "jsonl"), ("marketing", marketing, "csv"), ("sales", sales, "csv"))


def make(settings: Settings, options: Options) -> None:
    """Make the company, and say what was made.

    Raises
    ------
    UserError
        Another company has landed in this CRM_HOME.
    """
    check_home(settings, options)
    started = time.monotonic()
    size = f"{options.customers:,} customers, seed {options.seed}, to {options.until}"
    print(f"Demo company: world {options.world}, {size}", flush=True)
    rows = make_company(settings, options)
    print(
        f"Made {sum(rows.values()):,} rows in {len(rows)} tables: {rows['demo_shop.orders']:,} orders, "
        f"{rows['demo_service.contacts']:,} contacts, {rows['demo_web.events']:,} web events; "
        f"{time.monotonic() - started:.1f} s. Source files: {settings.home / 'demo'}. Truth: {settings.home / 'truth'}."
    )


def make_company(settings: Settings, options: Options) -> dict[str, int]:
    """Make the source files in `$CRM_HOME/demo` and the truth in `$CRM_HOME/truth`, and return rows by table.

    Existing files are replaced when everything new is whole: the truth first, source files and manifest last.
    """
    make_folder(settings.home, "CRM_HOME")
    _remove_leftovers(settings.home)
    scratch = settings.home / f"{TEMPORARY_PREFIX}{os.getpid()}-demo"
    scratch.mkdir(mode=0o700)
    (scratch / "parquet").mkdir()
    (scratch / "truth").mkdir()
    try:
        rows = _make(options, scratch)
        write_json(scratch / "demo" / MANIFEST, {**describe(options), "rows": rows})
        _put_in_place(scratch / "truth", settings.home / "truth", scratch)
        _put_in_place(scratch / "demo", settings.home / "demo", scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return rows


def _make(options: Options, scratch: Path) -> dict[str, int]:
    with _step(f"lives of {options.customers:,} persons, world {options.world}"):
        lives = simulate(get_world(options.world), options.customers, options.seed)
    # SQLite writes one row after the other, so another process does it in the meantime.
    with open_company(options, lives, scratch) as company, ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with _step("persons and orders"):
            make_persons(company)
            shop.make_shop(company)
        target = scratch / "demo" / "shop" / "shop.sqlite"
        target.parent.mkdir(parents=True)
        shop_is_written = pool.submit(write_sqlite, scratch / "parquet", target, shop.TABLES)
        with _step("truth of orders"):
            rows = truth.tally_shop(company, scratch / "truth")
        for source, system, kind in DAILY:
            with _step(f"{source}: daily files"):
                rows |= _make_source(company, source, system, kind)
        with _step("truth of persons, states, campaigns"):
            truth.write_truth(company, scratch / "truth")
        with _step("shop.sqlite, what is left of it"):
            shop_is_written.result()
    return rows


def _make_source(company: Company, source: str, system: ModuleType, kind: str) -> dict[str, int]:
    """Make a source's tables, write them, count them for the truth, and drop them."""
    name = f"demo_{source}"
    getattr(system, f"make_{source}")(company)
    for table in system.TABLES:
        write_days(company, f"{name}.{table}", company.scratch / "demo" / source, kind)
    rows = truth.tally(company, name, system.TABLES)
    company.drop(*(f"{name}__{table}" for table in system.TABLES))
    return rows


@contextmanager
def _step(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"  {name:<60}{time.monotonic() - started:6.1f} s", flush=True)


def _put_in_place(new: Path, target: Path, scratch: Path) -> None:
    new.chmod(0o700)
    if target.exists():
        os.replace(target, scratch / f"old-{target.name}")
    os.replace(new, target)


def _remove_leftovers(home: Path) -> None:
    """Remove what killed runs left. Two runs at once in one home are a mistake."""
    for path in home.glob(f"{TEMPORARY_PREFIX}*-demo"):
        shutil.rmtree(path)
