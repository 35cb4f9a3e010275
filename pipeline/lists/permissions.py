"""What customers allow by all that has landed, whatever release a list is made from.

A release knows what was said by its as-of date. Between its build and an export somebody may have withdrawn a consent,
objected, or been deleted: the release may be an earlier one (`make rollback`), or the gate may have stopped every build
since. So an export asks the landing itself: dbt stages consents and customers once more, in a database that is gone
when the lists are written, and judges them as it does in a build (`models/export/`).
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from pipeline import dbt
from pipeline.duck import quote_literal
from pipeline.errors import UserError
from pipeline.files import TEMPORARY_PREFIX, private_folder
from pipeline.landing.hold import held_receipts, hold_message
from pipeline.landing.receipts import read_receipts
from pipeline.plan import PLAN, RECEIPTS, Plan, plan_build, save_plan_as
from pipeline.releases import CONTACTS, attach_read_only, read_manifest
from pipeline.scratch import working_connection
from pipeline.settings import STAGING, Settings
from pipeline.sources import load_source
from pipeline.staging import model_text

ENTITIES = ("consents", "customers")
LANDED = re.compile(r"\blanded\(\s*['\"]([^'\"]+)['\"]")
REF = re.compile(r"\bref\(\s*['\"](base_[^'\"]+)['\"]")


@dataclass(frozen=True)
class Permissions:
    """What the landing says: a table of `export.list_consent`, and how much of the consents cannot be read."""

    has_consents: bool
    unreadable_rows: int
    unreadable_lines: int


def plan_of_landing(settings: Settings, release: Path) -> Plan:
    """Plan a build of all that has landed of the active sources and of a release's.

    Raises
    ------
    UserError
        A load of consents is held: it is unknown who has said no.
    """
    asked = replace(settings, sources=_sources(settings, read_manifest(release)["sources"]))
    _refuse_held_consents(asked)
    return plan_build(asked)


@contextmanager
def landed_permissions(
    settings: Settings, plan: Plan, release: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Permissions]:
    """Attach the database `now` with the table `export.list_consent` while the block runs.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    plan
        What has landed (`plan_of_landing`).
    release
        Folder of the release whose customers are asked about.
    connection
        Where the database is attached.

    Raises
    ------
    UserError
        What has landed cannot be staged: it is unknown who has said no.
    """
    asked = replace(settings, sources=tuple(plan.sources))
    with _scratch(settings) as folder:
        _write_released(settings.home, release / CONTACTS, folder)
        _stage(asked, plan, folder)
        attach_read_only(connection, folder / "warehouse.duckdb", "now")
        try:
            yield Permissions(
                has_consents="consents" in plan.providers,
                unreadable_rows=_one(
                    connection,
                    "select count(*) from now.intermediate.int_consents__versions where _fate = 'quarantined'",
                ),
                unreadable_lines=_unreadable_lines(plan),
            )
        finally:
            connection.execute("detach now")


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """Yield an empty folder, of one name: dbt parses the whole project when its database is another one."""
    folder = settings.build / f"{TEMPORARY_PREFIX}lists"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield private_folder(folder)
    finally:
        shutil.rmtree(folder)


def _sources(settings: Settings, of_release: list[str]) -> tuple[str, ...]:
    """The sources of the release, and the active ones that have landed since."""
    landed = [name for name in settings.sources if name not in of_release and _has_landed(settings, name)]
    return tuple(sorted({*of_release, *landed}))


def _has_landed(settings: Settings, source: str) -> bool:
    """Whether all tables of a source have. One of which nothing has landed may be broken: it has said nothing."""
    if not any((settings.landing / source).glob("*/[!.]*.json")):
        return False
    return all(read_receipts(settings, source, table) for table in load_source(source).tables)


def _refuse_held_consents(settings: Settings) -> None:
    for source in settings.sources:
        for table in sorted(_tables_of_consents(source)):
            for receipt in held_receipts(settings.landing / source / table):
                raise UserError(
                    "No list is exported while a load of consents is held: who has withdrawn in it is not known.\n"
                    + hold_message(receipt)
                )


def _tables_of_consents(source: str) -> set[str]:
    """The tables that the staging of a source's consents reads, by itself or through its base models."""
    waiting, tables, seen = [f"stg_{source}__consents"], set(), set()
    while waiting:
        model = waiting.pop()
        path = STAGING / source / f"{model}.sql"
        if model not in seen and path.is_file():
            seen.add(model)
            text = model_text(path)
            tables |= set(LANDED.findall(text))
            waiting += REF.findall(text)
    return tables


def _write_released(home: Path, contacts: Path, folder: Path) -> None:
    """Write what of the release's customers the landing is asked about, as Parquet."""
    with working_connection(home) as connection:
        attach_read_only(connection, contacts, "contacts_file")
        for name, query in {
            "records": "select customer_id, source_system, source_customer_id from contacts_file.customer_source_id",
            "contacts": "select customer_id, email, phone from contacts_file.dim_customer_contact",
        }.items():
            connection.execute(f"copy ({query}) to {quote_literal(str(folder / f'{name}.parquet'))} (format parquet)")


def _stage(settings: Settings, plan: Plan, folder: Path) -> None:
    """Build what lists may hold, in a database of its own."""
    save_plan_as(folder, plan)
    variables: dict[str, Any] = {
        **dbt.build_variables(settings, plan),
        "plan": str(folder / PLAN),
        "receipts": str(folder / RECEIPTS),
        "released_records": str(folder / "records.parquet"),
        "released_contacts": str(folder / "contacts.parquet"),
        "new_files": None,
    }
    staged = [f"+stg_{source}__{entity}" for entity in ENTITIES for source in plan.providers.get(entity, [])]
    models = [*(f"int_{entity}__versions" for entity in ENTITIES), "int_consent_statements", "path:models/export"]
    target = settings.home / "dbt" / "export"
    log = settings.home / "dbt" / "logs" / "export_lists.log"
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    run = ["run", "--select", *staged, *models]
    failed = dbt.run_dbt(settings, run, variables, folder=folder, target=target, log=log, home=folder)
    if failed:
        raise UserError(
            "No list is exported: what has landed of consents and customers cannot be read, so it is unknown who has "
            f"said no since.\n{dbt.failures(results, log)}\nThe whole log: {log}"
        )


def _unreadable_lines(plan: Plan) -> int:
    """Lines of the files of consents that could not be split into columns: it is unknown of whom they speak."""
    tables = {(source, table) for source in plan.providers.get("consents", []) for table in _tables_of_consents(source)}
    return sum(r["unreadable"] for r in plan.receipts if (r["source"], r["table"]) in tables)


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((value,),) = connection.execute(query).fetchall()
    return int(value)
