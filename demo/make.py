"""Making the company: lives, systems, files, truth; each whole or absent."""

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
from demo.company import Company, open_company
from demo.deliver import write_days, write_sqlite
from demo.lives import simulate
from demo.options import Options
from demo.oracle import write_oracle
from demo.records import make_persons
from demo.systems import marketing, sales, service, shop, web
from demo.worlds import get_world
from pipeline.files import TEMPORARY_PREFIX, sha256_of, sha256_of_file, write_json
from pipeline.settings import ROOT, Settings, make_folder

MANIFEST = "manifest.json"
DAILY = (("service", service, "csv"), ("web", web, "jsonl"), ("marketing", marketing, "csv"), ("sales", sales, "csv"))


def make_company(settings: Settings, options: Options) -> dict[str, int]:
    """Make the source files in `$CRM_HOME/demo` and the truth in `$CRM_HOME/truth`, and return rows by table.

    What was there is replaced when everything new is whole, the truth first, the manifest with the source files last.
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


def describe(options: Options) -> dict[str, object]:
    """Return what decides the content: the options and the code, without the proof, which only looks at it."""
    files = [path for path in sorted((ROOT / "demo").rglob("*.py")) if "proof" not in path.relative_to(ROOT).parts]
    return {"options": options.as_json(), "code": sha256_of([sha256_of_file(path) for path in files])[:16]}


def _make(options: Options, scratch: Path) -> dict[str, int]:
    with _step(f"lives of {options.customers:,} persons, world {options.world}"):
        lives = simulate(get_world(options.world), options.customers, options.seed)
    # SQLite takes one row after the other: another process does it meanwhile.
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
        with _step("the oracle's forecast"):
            write_oracle(lives, float(options.days), scratch / "truth")
        with _step("shop.sqlite, what is left of it"):
            shop_is_written.result()
    return rows


def _make_source(company: Company, source: str, system: ModuleType, kind: str) -> dict[str, int]:
    """Make a source's tables, write them, count them for the truth, and forget them."""
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
    """Remove what killed runs left; a run holds its folder for minutes, and two at once in one home are a mistake."""
    for path in home.glob(f"{TEMPORARY_PREFIX}*-demo"):
        shutil.rmtree(path)
