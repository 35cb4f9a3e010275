"""What customers allow, by everything that has landed, whatever release a list is made from.

A release knows what was said by its as-of date. Between its build and an export a customer may have withdrawn a
consent, objected, or been deleted. The release may also be an earlier one (`make rollback`), or the gate may have
stopped every build since. An export therefore asks the landing itself: consents and customers are staged again, in a
temporary database, and judged by the models of a build (`models/export/`).
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base.duck import connect, quote_literal
from pipeline.base.errors import UserError
from pipeline.base.scratch import scratch_folder, working_connection
from pipeline.base.settings import STAGING, Settings
from pipeline.build.dbt import build_variables
from pipeline.build.models import Models
from pipeline.build.plan import PLAN, RECEIPTS, Plan, plan_build, save_plan_as
from pipeline.build.staging import model_text
from pipeline.landing.ends.hold import held_receipts, hold_message
from pipeline.landing.receipts import read_receipts
from pipeline.serving.releases import CONTACTS, attach_read_only, read_manifest
from pipeline.sources.definitions import load_source

MADE = ("part_customer_consent", "int_consents__rows")
WORDS = "list_words"
"""What customers of a release have said, by all that has landed; `customer_permission` judges it, as in a build."""
SCRATCH = "now.duckdb"
LANDED = re.compile(r"\blanded\(\s*['\"]([^'\"]+)['\"]")
REF = re.compile(r"\bref\(\s*['\"](base_[^'\"]+)['\"]")


@dataclass(frozen=True)
class Permissions:
    """The answer of the landing: how many consents cannot be read, and until when they were.

    Each customer's is in the table `part_customer_consent`. `read_until` has the end of the newest load of each table
    of consents, by source and table.
    """

    has_consents: bool
    unreadable_rows: int
    unreadable_lines: int
    read_until: dict[str, str] = field(default_factory=dict)


def plan_of_landing(settings: Settings, release: Path) -> Plan:
    """Plan a build of everything that has landed of the active sources and of the release's sources.

    Raises
    ------
    UserError
        A load of consents is held, so it is unknown who has said no.
    """
    asked = replace(settings, sources=_sources(settings, read_manifest(release)["sources"]))
    _refuse_held_consents(asked)
    return plan_build(asked)


@contextmanager
def landed_permissions(
    settings: Settings, plan: Plan, release: Path, connection: duckdb.DuckDBPyConnection
) -> Iterator[Permissions]:
    """Attach the database `now` with the table `part_customer_consent` while the block runs.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    plan
        What has landed (`plan_of_landing`).
    release
        Folder of the release whose customers are judged.
    connection
        Connection to which the database is attached.

    Raises
    ------
    UserError
        What has landed cannot be staged, so it is unknown who has said no.
    """
    asked = replace(settings, sources=tuple(plan.sources))
    with scratch_folder(settings.home) as folder:
        _write_released(settings.home, release / CONTACTS, folder)
        _stage(asked, plan, folder)
        attach_read_only(connection, folder / SCRATCH, "now")
        try:
            yield Permissions(
                has_consents="consents" in plan.providers,
                unreadable_rows=_one(
                    connection,
                    "select count(*) from now.int_consents__rows where _fate = 'quarantined'",
                ),
                unreadable_lines=_unreadable_lines(plan),
                read_until=_read_until(plan),
            )
        finally:
            connection.execute("detach now")


def _sources(settings: Settings, of_release: list[str]) -> tuple[str, ...]:
    """Return the sources of the release, and the active ones that have landed since."""
    landed = [name for name in settings.sources if name not in of_release and _has_landed(settings, name)]
    return tuple(sorted({*of_release, *landed}))


def _has_landed(settings: Settings, source: str) -> bool:
    """Return whether all tables of a source have landed. A source without a landed file may be broken."""
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
    """Return the tables that the staging of a source's consents reads, directly or through its base models."""
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
    """Write the release's customers, their records and their addresses as Parquet, for the models to read."""
    with working_connection(home) as connection:
        attach_read_only(connection, contacts, "contacts_file")
        for name, query in {
            "records": "select customer_id, source_system, source_customer_id from contacts_file.customer_source_id",
            "contacts": "select customer_id, email, phone from contacts_file.dim_customer_contact",
        }.items():
            connection.execute(f"copy ({query}) to {quote_literal(str(folder / f'{name}.parquet'))} (format parquet)")


def _stage(settings: Settings, plan: Plan, folder: Path) -> None:
    """Make the models of `MADE` over everything that has landed, in a database of their own."""
    save_plan_as(folder, plan)
    variables = {
        **build_variables(settings, plan),
        "plan": str(folder / PLAN),
        "receipts": str(folder / RECEIPTS),
        "released_records": [str(folder / "records.parquet")],
        "released_contacts": [str(folder / "contacts.parquet")],
        "new_files": None,
    }
    with closing(connect(folder / SCRATCH, spill=folder / "spill")) as connection:
        connection.execute(f"set memory_limit = '{settings.memory_gb}GB'")
        models = Models(connection, variables)
        models.paths["int_customer_words"] = models.paths[WORDS]
        try:
            for name in MADE:
                models.make(name)
        except UserError as error:
            raise UserError(
                "No list is exported: what has landed of consents and customers cannot be read, so it is unknown who "
                f"has said no since. {error}"
            ) from error


def _unreadable_lines(plan: Plan) -> int:
    """Count lines of consents that could not be split into columns: their customers are unknown."""
    return sum(receipt["unreadable"] for receipt in _loads_of_consents(plan))


def _read_until(plan: Plan) -> dict[str, str]:
    """Return the end of the newest load of each table of consents."""
    ends: dict[str, str] = {}
    for receipt in _loads_of_consents(plan):
        table = f"{receipt['source']}.{receipt['table']}"
        ends[table] = max(ends.get(table, ""), receipt["interval_end"])
    return dict(sorted(ends.items()))


def _loads_of_consents(plan: Plan) -> list[dict[str, Any]]:
    tables = {(source, table) for source in plan.providers.get("consents", []) for table in _tables_of_consents(source)}
    return [receipt for receipt in plan.receipts if (receipt["source"], receipt["table"]) in tables]


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((value,),) = connection.execute(query).fetchall()
    return int(value)
