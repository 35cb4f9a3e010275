"""Check that dbt can use the warehouse: no other program holds it, and it is as the last layer left it.

`$CRM_HOME/build/warehouse.json` says how the last layer left the file. A warehouse that differs is removed, and
everything is built: the landing has all that is needed. So is one that another engine has built.

Spark's builds are whole ones. They write `$CRM_HOME/warehouse/<schema>/<table>/`, of which a killed build keeps what it
has (pipeline/build/spark/kept.py), and each of their layers leaves a `warehouse.duckdb` of views over these folders
(pipeline/build/spark/bridge.py).
"""

import logging
import re
import shutil
from contextlib import closing, suppress
from typing import Any

import duckdb
import psutil  # type: ignore[import-untyped]

from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import TEMPORARY_PREFIX, DamagedError, read_sealed, remove, write_sealed
from pipeline.base.settings import ENGINES, Settings
from pipeline.build import increment
from pipeline.build.spark import bridge

log = logging.getLogger("perennial")
STATE = "warehouse.json"
HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.*?) \(PID (?P<process>\d+)\)")


def prepare(settings: Settings) -> None:
    """Remove a warehouse that is damaged, or was replaced after the last layer. For the first layer of a build.

    Raises
    ------
    UserError
        Another program holds it.
    """
    shutil.rmtree(f"{settings.warehouse}.tmp", ignore_errors=True)  # what did not fit into the memory of a killed dbt
    if not settings.is_spark:
        remove(settings.spark_tables)
    if not settings.is_spark and settings.warehouse.exists():
        reason = _why_remove(settings)
        if not reason:
            return
        log.warning("%s %s. Everything is built again.", settings.warehouse, reason)
    log_of_writes = settings.warehouse.with_name(f"{settings.warehouse.name}.wal")
    for path in (settings.warehouse, log_of_writes, settings.build / increment.STATE):
        remove(path)


def check_free(settings: Settings) -> None:
    """Check that no other program holds the warehouse.

    Raises
    ------
    UserError
        Another program does; the message names it.
    """
    if settings.warehouse.is_file() and not settings.is_spark:
        with suppress(duckdb.Error), closing(_open(settings)):
            return


def begin_layer(settings: Settings) -> None:
    """Record that dbt is writing: if it is killed, the state of the file is unknown.

    Nothing reads what Spark has half written: the views are made again when dbt has ended.
    """
    write_sealed(settings.build / STATE, _being_built(settings))
    if settings.is_spark:
        remove(settings.warehouse)
        for killed in settings.home.glob(f"{TEMPORARY_PREFIX}*-{settings.warehouse.name}*"):
            remove(killed)


def end_layer(settings: Settings, *, is_built: bool = True) -> None:
    """Record how dbt has left the warehouse; give readers their views of what Spark has built."""
    if settings.is_spark and is_built:
        bridge.write_views(settings)
    if settings.warehouse.is_file():
        write_sealed(settings.build / STATE, _state(settings))


def _why_remove(settings: Settings) -> str | None:
    """Return why a warehouse cannot be used; None where it is as the last layer left it."""
    try:
        known = read_sealed(settings.build / STATE, "", is_checksum_needed=True)
    except DamagedError:
        return "is of an unknown build"
    if known.get("engine", ENGINES[0]) != settings.engine:
        return f"was built by {known['engine']}"
    if known not in (_being_built(settings), _state(settings)):
        return "was changed or replaced after its last build"
    try:
        with closing(_open(settings)):
            return None
    except duckdb.Error as error:
        return f"cannot be opened ({str(error).splitlines()[0]})"


def _state(settings: Settings) -> dict[str, Any]:
    state = settings.warehouse.stat()
    return {"bytes": state.st_size, "modified_ns": state.st_mtime_ns, "engine": settings.engine}


def _being_built(settings: Settings) -> dict[str, Any]:
    return {"bytes": None, "modified_ns": None, "engine": settings.engine}


def _open(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for writing, as dbt will."""
    try:
        return connect(settings.warehouse)
    except duckdb.IOException as error:
        if "Could not set lock" not in str(error):
            raise
        raise UserError(
            f"{settings.warehouse} is open in another program{_holder(error)}. Nothing was built. Close it there, then "
            "run again; BI tools and notebooks read serving/current/perennial.duckdb, which no build ever locks."
        ) from error


def _holder(error: duckdb.IOException) -> str:
    found = HOLDER.search(str(error))
    if not found:
        return ""
    process = int(found["process"])
    try:
        program = psutil.Process(process).name()  # not its arguments, which may hold a password
    except psutil.Error:
        program = found["program"]
    return f": process {process} ({program})"
