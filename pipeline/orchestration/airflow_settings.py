"""How this project runs Airflow: settings as environment variables, metadata in a SQLite file under CRM_HOME."""

import base64
import configparser
import json
import logging
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

from pipeline.base.files import TEMPORARY_PREFIX, DamagedError, private_folder, read_json, remove, write_private
from pipeline.base.lock import inherited_descriptors
from pipeline.base.settings import ROOT, Setting, Settings
from pipeline.base.shapes import Shape, Text

log = logging.getLogger("perennial")

DAGS_FOLDER = ROOT / "dags"
AIRFLOW = Path(sys.executable).with_name("airflow")
DEFAULT_PORT = "8080"
LARGEST_PORT = 65535
# SQLite's own five seconds are too few where the scheduler, the web server and a command line write at once.
SECONDS_TO_WAIT_FOR_A_LOCK = 60
USER = "admin"


class PasswordShape(Shape):
    """The web UI's password."""

    admin: Text


def airflow_home(settings: Settings) -> Path:
    """Metadata, logs, keys and the web password."""
    return settings.home / "airflow"


def log_file(settings: Settings, verb: str) -> Path:
    """Where the output of a verb goes that is not for the person in front of it."""
    return airflow_home(settings) / "logs" / f"{verb}.log"


def web_database(settings: Settings) -> Path:
    """Metadata of `make up`. `make run` has none: a scheduler adopts every unfinished run that it finds."""
    return airflow_home(settings) / "airflow.db"


def password_file(settings: Settings) -> Path:
    """`{"admin": password}` of the web UI."""
    return airflow_home(settings) / "simple_auth_manager_passwords.json.generated"


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LARGEST_PORT:
        raise ValueError(text)
    return int(text)


PORT = Setting(
    "CRM_AIRFLOW_PORT", DEFAULT_PORT, "port", _port, f"a port number from 1 to 65535 (default {DEFAULT_PORT})"
)


def port(env: Mapping[str, str] = os.environ) -> int:
    """CRM_AIRFLOW_PORT, checked.

    Raises
    ------
    UserError
        It is not a port number.
    """
    return int(PORT.value(env))


def base_url(env: Mapping[str, str] = os.environ) -> str:
    """Address of the web UI and the REST API."""
    return f"http://localhost:{port(env)}"


def airflow_environment(
    settings: Settings, *, database: Path | None = None, env: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Environment variables for any Airflow process of this project.

    Parameters
    ----------
    settings
        Where CRM_HOME is, and the settings that the tasks inherit.
    database
        SQLite file of the metadata; by default that of `make up`.
    env
        Where CRM_AIRFLOW_PORT is looked up.
    """
    home = airflow_home(settings)
    address = base_url(env)
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONFIG": str(home / "airflow.cfg"),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port(env)),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(settings)),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": (
            f"sqlite:///{database or web_database(settings)}?timeout={SECONDS_TO_WAIT_FOR_A_LOCK}"
        ),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
        "CRM_HOME": settings.home_address or str(settings.home),
        "CRM_WORK": str(settings.work),
        "CRM_DATA": str(settings.data),
        "CRM_SOURCES": ",".join(settings.sources),
    }


def prepare(settings: Settings) -> None:
    """Create Airflow's home, and the metadata database of `make up`, where they are missing.

    Each file is whole or absent, so a killed start does not stop the next one.

    Raises
    ------
    UserError
        The keys or the metadata are damaged.
    """
    prepare_home(settings)
    database = web_database(settings)
    if not database.exists():
        _create_database(settings, database)
    elif not _is_metadata(database):
        raise DamagedError(
            database,
            "it is no metadata database of Airflow",
            "Restore it from a backup, or delete it: the history of DAG runs, and connections that were entered in "
            "the web UI, are lost.",
        )


def prepare_home(settings: Settings) -> None:
    """Create Airflow's home, its keys and the web password, where they are missing. A damaged password is replaced.

    Raises
    ------
    UserError
        The keys are damaged.
    """
    home = private_folder(airflow_home(settings))
    _check_keys(home / "airflow.cfg")
    _forget_damaged_password(settings)
    keys = {
        "core": {"fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()},
        "api": {"secret_key": secrets.token_urlsafe(32)},
        "api_auth": {"jwt_secret": secrets.token_urlsafe(48)},
    }
    sections = (f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()) for name, values in keys.items())
    # The password is created here, because Airflow would print its own into the log.
    password = json.dumps({USER: secrets.token_urlsafe(12)}) + "\n"
    for path, text in ((home / "airflow.cfg", "\n".join(sections)), (password_file(settings), password)):
        if not path.exists():
            write_private(path, text.encode())


def _check_keys(path: Path) -> None:
    """Check that the file of the keys can be read, if it exists: no other keys can decrypt what they encrypted."""
    if not path.exists():
        return
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        is_whole = bool(parser.get("core", "fernet_key"))
    except (OSError, ValueError, configparser.Error):
        is_whole = False
    if not is_whole:
        raise DamagedError(
            path,
            "Airflow's keys are not in it",
            "Restore it from a backup, or delete it: connections that were entered in the web UI are then to be "
            "entered again.",
        )


def _forget_damaged_password(settings: Settings) -> None:
    password = password_file(settings)
    try:
        if password.exists():
            read_json(password, "", PasswordShape)
    except DamagedError as error:
        log.warning("%s. A new password is made.", error.what)
        remove(password)


def _is_metadata(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("select count(*) from alembic_version").fetchone()[0])
    except sqlite3.Error as error:
        return "locked" in str(error)  # by a program that is writing to it


def _create_database(settings: Settings, database: Path) -> None:
    temporary = database.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{database.name}")
    done = subprocess.run(
        [str(AIRFLOW), "db", "migrate"],
        env={**os.environ, **airflow_environment(settings, database=temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=inherited_descriptors(settings),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"airflow db migrate failed:\n{done.stdout}")
    os.replace(temporary, database)


def become_airflow(settings: Settings, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by `airflow <arguments>` on the metadata of `perennial up`."""
    prepare(settings)
    environment = {**os.environ, **airflow_environment(settings)}
    os.execve(AIRFLOW, [str(AIRFLOW), *arguments], environment)  # noqa: S606 - there is no shell to need
