"""What a build that was killed has left is kept by the next one of the same inputs.

Spark writes the folder of a table, `_SUCCESS` into it last, and a table follows from the plan of its build and from
what dbt is given. So a build goes on where the one before was cut off. One of other inputs begins with no tables.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from pipeline.base import settings as project
from pipeline.base.files import DamagedError, private_folder, read_sealed, remove, sha256_of, write_sealed
from pipeline.base.settings import Settings
from pipeline.build.spark.session import WRITTEN

log = logging.getLogger("perennial")
# Beside the folders of the schemas: of what inputs the tables of some layers are, by the first of these layers.
MADE_OF = "made_of.json"
# Of Linux: another one after each start (man 4 random).
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def keep_made(settings: Settings, layers: Sequence[str], inputs: Any) -> None:
    """Remove the tables of layers that are to be built, but for those that were made of the same inputs.

    Parameters
    ----------
    settings
        Where the tables are.
    layers
        Those that one run of dbt builds. With the first layer of a build goes everything.
    inputs
        All that the tables follow from.

    Notes
    -----
    Nothing flushes Spark's files to the disk, so that they may not be whole when the machine has started again since.
    """
    path = settings.spark_tables / MADE_OF
    known = _read(settings)
    now = sha256_of([inputs, _start_of_machine()])
    if known.get(layers[0]) == now:
        kept = len(list(settings.spark_tables.glob(f"*/*/{WRITTEN}")))
        log.info("%d tables are kept of the build before, which had the same inputs.", kept)
        return
    remove(path)  # first: a build that is killed while it removes tables leaves none to keep
    if "staging" in layers:
        remove(settings.spark_tables)
        known = {}
    models = _models(layers)
    for table in settings.spark_tables.glob("*/*"):
        if table.name in models:
            remove(table)
    private_folder(settings.spark_tables)
    write_sealed(path, {**known, layers[0]: now})


def _start_of_machine() -> str:
    """Name the time since the machine has started. Linux says when that was by a clock that is set meanwhile."""
    if BOOT_ID.is_file():
        return BOOT_ID.read_text(encoding="utf-8").strip()
    return str(int(psutil.boot_time()))


def _read(settings: Settings) -> dict[str, Any]:
    try:
        return read_sealed(settings.spark_tables / MADE_OF, "", is_checksum_needed=True)
    except DamagedError:
        return {}


def _models(layers: Sequence[str]) -> set[str]:
    """The models in the folders of layers. A schema may have tables of several layers."""
    folders = [project.DBT_PROJECT / "models" / layer for layer in layers]
    return {path.stem for folder in folders for suffix in ("sql", "py") for path in folder.rglob(f"*.{suffix}")}
