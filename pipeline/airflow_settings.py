"""Airflow as this project runs it: settings as environment variables, one SQLite file per use."""

import os
import sys
from importlib.metadata import version
from pathlib import Path

from pipeline.errors import UserError
from pipeline.settings import ROOT, Settings, load_settings

DAGS_FOLDER = ROOT / "dags"
DEFAULT_PORT = 8080
LARGEST_PORT = 65535


def airflow_home(settings: Settings) -> Path:
    """Metadata, logs and the web password of `make up` and `make run`."""
    return settings.home / "airflow"


def run_database(settings: Settings) -> Path:
    """Metadata of `make run`.

    Its own file: a scheduler (`make up`) adopts every run that it finds unfinished, also those of a killed `make run`.
    Named by Airflow's release: metadata of another release would have to be migrated.
    """
    return airflow_home(settings) / f"run-{version('apache-airflow')}.db"


def port(env: dict[str, str] | os._Environ[str] = os.environ) -> int:
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


def base_url(env: dict[str, str] | os._Environ[str] = os.environ) -> str:
    """Address of the web UI and the REST API."""
    return f"http://localhost:{port(env)}"


def airflow_environment(settings: Settings, *, database: Path | None = None) -> dict[str, str]:
    """Environment variables for any Airflow process of this project.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    database
        SQLite file of the metadata; by default that of `make up`.
    """
    home = airflow_home(settings)
    address = base_url()
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database or home / 'airflow.db'}",
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__PORT": str(port()),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
        "SCARF_ANALYTICS": "False",
        "CRM_HOME": str(settings.home),
        "CRM_DATA": str(settings.data),
        "CRM_SOURCES": ",".join(settings.sources),
    }


def main(arguments: list[str]) -> None:
    """Become `airflow <arguments>` on the metadata of `make up`."""
    try:
        environment = airflow_environment(load_settings())
    except UserError as error:
        sys.exit(f"{error}")
    command = Path(sys.executable).with_name("airflow")
    os.execve(command, [str(command), *arguments], {**os.environ, **environment})


if __name__ == "__main__":
    main(sys.argv[1:])
