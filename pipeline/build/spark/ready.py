"""Whether Spark can build here: the extra, Java, and the master's address, each asked before anything is written.

A client of a Thrift server needs no Java. What the server lacks is asked when dbt connects (server.py).
"""

import os
import re
import shutil
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.build.spark.server import SCHEME

# Modules of the dependency group `spark` (pyproject.toml).
MODULES = ("pyspark", "dbt.adapters.spark")
MODULES_OF_CLIENT = ("pyhive", "thrift", "thrift_sasl", "dbt.adapters.spark")
# pyspark 4 runs on Java 17 and later: https://spark.apache.org/docs/latest/#downloading
OLDEST_JAVA = 17
VERSION = re.compile(r'version "(\d+)')
SECONDS = 5
OTHERWISE = "Or build with CRM_ENGINE=duckdb, which needs none of it."


def check_ready(settings: Settings) -> None:
    """Check that the engine of the settings can be used; DuckDB always can.

    Raises
    ------
    UserError
        What Spark needs is missing, or its master does not answer; the message says what to do.
    """
    if not settings.is_spark:
        return
    is_client = settings.spark_master.startswith(SCHEME)
    if missing := [name for name in (MODULES_OF_CLIENT if is_client else MODULES) if not _is_installed(name)]:
        raise UserError(
            f"CRM_ENGINE is 'spark', and {missing[0]} is not installed: `make spark` installs it. {OTHERWISE}"
        )
    if not is_client:
        _check_java()
    _check_master(settings.spark_master)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    where = f"JAVA_HOME is '{home}', where there is none" if home else "no program java is on the PATH"
    install = f"Install Java {OLDEST_JAVA} (Debian: openjdk-{OLDEST_JAVA}-jre-headless), or set JAVA_HOME. {OTHERWISE}"
    if shutil.which(java) is None:
        raise UserError(f"CRM_ENGINE is 'spark', which needs Java, and {where}. {install}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = VERSION.search(said)
    if not found or int(found[1]) < OLDEST_JAVA:
        what = f"Java {found[1]}" if found else "no Java that says its version"
        raise UserError(f"CRM_ENGINE is 'spark', which needs Java {OLDEST_JAVA}, and {java} is {what}. {install}")


def _check_master(master: str) -> None:
    """Connect once to an address with a port; Spark itself would try for minutes."""
    address = urlsplit(master)
    if address.scheme not in ("spark", "thrift"):
        return
    try:
        socket.create_connection((str(address.hostname), int(address.port or 0)), SECONDS).close()
    except OSError as error:
        raise UserError(
            f"CRM_SPARK_MASTER is '{master}', and nothing answers there ({error.strerror or error}). Start it, or set "
            "CRM_SPARK_MASTER to another address, or to local[2] for this machine."
        ) from error
