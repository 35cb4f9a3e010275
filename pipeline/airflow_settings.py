"""Airflow as this project runs it: settings as environment variables, metadata in SQLite files under CRM_HOME."""

import base64
import configparser
import json
import logging
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import UserError
from pipeline.files import TEMPORARY_PREFIX, DamagedError, private_folder, read_json, remove, write_private
from pipeline.lock import inherited_descriptors
from pipeline.settings import ROOT, Settings, load_settings
from pipeline.shapes import Shape, Text

log = logging.getLogger("perennial")

DAGS_FOLDER = ROOT / "dags"
AIRFLOW = Path(sys.executable).with_name("airflow")
DEFAULT_PORT = 8080
LARGEST_PORT = 65535
USER = "admin"


class PasswordShape(Shape):
    """The web UI's password."""

    admin: Text


def airflow_home(settings: Settings) -> Path:
    """Metadata, logs, keys and the web password."""
    return settings.home / "airflow"


def web_database(settings: Settings) -> Path:
    """Metadata of `make up`."""
    return airflow_home(settings) / "airflow.db"


def run_database(settings: Settings) -> Path:
    """Metadata of `make run`.

    A file of its own: a scheduler (`make up`) adopts every run that it finds unfinished, also those of a killed
    `make run`. Named by Airflow's release, because metadata of another release would have to be migrated.
    """
    return airflow_home(settings) / f"run-{version('apache-airflow')}.db"


def password_file(settings: Settings) -> Path:
    """`{"admin": password}` of the web UI."""
    return airflow_home(settings) / "simple_auth_manager_passwords.json.generated"


def port(env: Mapping[str, str] = os.environ) -> int:
    """CRM_AIRFLOW_PORT, checked.

    Raises
    ------
    UserError
        It is no port number.
    """
    text = env.get("CRM_AIRFLOW_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 0 < int(text) <= LARGEST_PORT:
        raise UserError(f"CRM_AIRFLOW_PORT is '{text}': give a port number from 1 to 65535 (default {DEFAULT_PORT}).")
    return int(text)


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
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database or web_database(settings)}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
        "CRM_HOME": str(settings.home),
        "CRM_DATA": str(settings.data),
        "CRM_SOURCES": ",".join(settings.sources),
    }


def prepare(settings: Settings, database: Path) -> None:
    """Make Airflow's home, its keys, the web password and a metadata database, where they are not there yet.

    Each file is whole or absent, so that a start that was killed does not stop the next one. What is damaged is made
    again where nothing depends on it: the password, and the metadata of `make run`.

    Raises
    ------
    UserError
        The keys or the metadata of `make up` are damaged.
    """
    home = private_folder(airflow_home(settings))
    _check_keys(home / "airflow.cfg")
    _forget_damaged(settings, database)
    keys = {
        "core": {"fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()},
        "api": {"secret_key": secrets.token_urlsafe(32)},
        "api_auth": {"jwt_secret": secrets.token_urlsafe(48)},
    }
    sections = (f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()) for name, values in keys.items())
    # The password is made here, because Airflow prints the one that it makes itself into its log.
    password = json.dumps({USER: secrets.token_urlsafe(12)}) + "\n"
    for path, text in ((home / "airflow.cfg", "\n".join(sections)), (password_file(settings), password)):
        if not path.exists():
            write_private(path, text.encode())
    if not database.exists():
        _create_database(settings, database)


def _check_keys(path: Path) -> None:
    """See that the file of the keys can be read, if it is there: what they have encrypted cannot be read by others."""
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


def _forget_damaged(settings: Settings, database: Path) -> None:
    """Remove a password file and a metadata database of `make run` that are damaged."""
    password = password_file(settings)
    try:
        if password.exists():
            read_json(password, "", PasswordShape)
    except DamagedError as error:
        log.warning("%s. A new password is made.", error.what)
        remove(password)
    if database.exists() and not _is_metadata(database):
        if database == web_database(settings):
            raise DamagedError(
                database,
                "it is no metadata database of Airflow",
                "Restore it from a backup, or delete it: the history of DAG runs, and connections that were entered in "
                "the web UI, are lost.",
            )
        log.warning("%s is damaged. It is made again.", database)
        remove(database)


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


def main(arguments: list[str]) -> None:
    """Become `airflow <arguments>` on the metadata of `make up`."""
    try:
        settings = load_settings()
        prepare(settings, web_database(settings))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    environment = {**os.environ, **airflow_environment(settings)}
    os.execve(AIRFLOW, [str(AIRFLOW), *arguments], environment)  # noqa: S606 - there is no shell to need


if __name__ == "__main__":
    main(sys.argv[1:])
