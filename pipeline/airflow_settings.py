"""Airflow as this project runs it: settings as environment variables, metadata in SQLite files under CRM_HOME."""

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files import TEMPORARY_PREFIX, private_folder, write_private
from pipeline.lock import inherited_descriptors
from pipeline.settings import ROOT, Settings, load_settings

DAGS_FOLDER = ROOT / "dags"
AIRFLOW = Path(sys.executable).with_name("airflow")
DEFAULT_PORT = 8080
LARGEST_PORT = 65535
USER = "admin"


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

    Each file is whole or absent, so that a start that was killed does not stop the next one.
    """
    home = private_folder(airflow_home(settings))
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
