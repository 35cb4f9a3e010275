"""What the DAG files share: assets, default arguments, and the wrapper of every task."""

import datetime as dt
import functools
import inspect
import logging
import os
from collections.abc import Callable
from typing import Any

from airflow.sdk import Asset, Connection, get_current_context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

from pipeline.base.errors import UserError
from pipeline.base.lock import lock_at_address, run_lock
from pipeline.base.settings import Settings, load_settings
from pipeline.sources.definitions import load_source

OWNER = "data-engineering"
START = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)
RELEASE = Asset("perennial://serving/release")
MODELS = Asset("perennial://mining/models")

log = logging.getLogger("perennial")


def landed(source: str) -> Asset:
    """Return the asset of a source's landing: its extraction updates it, and the build waits for it."""
    return Asset(f"perennial://landing/{source}")


def alert(context: Any) -> None:
    """Log that a task has failed for good. Call a pager from here.

    Airflow also calls this for an interrupted task that it tries again, for example after Airflow itself was stopped.
    """
    instance, error = context["task_instance"], context.get("exception")
    if instance.try_number <= instance.max_tries and not isinstance(error, AirflowFailException):
        log.warning("%s.%s was interrupted; it is tried again", instance.dag_id, instance.task_id)
        return
    log.error("%s.%s failed and is not tried again: %s", instance.dag_id, instance.task_id, error)


DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": dt.timedelta(minutes=1),
    "on_failure_callback": alert,  # not called before the last retry
}


def step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of (settings, …) the body of a task.

    The settings come from the environment. An error that the user can correct fails at once, without retries.
    """

    @functools.wraps(function)
    def body(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(load_settings(), *args, **kwargs)
        except UserError as error:
            raise AirflowFailException(str(error)) from error

    parameters = list(inspect.signature(function).parameters.values())
    # Airflow binds arguments by signature, and the settings are not an argument of the task.
    body.__signature__ = inspect.Signature(parameters[1:])  # type: ignore[attr-defined]
    return body


def landing_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a step that lands a source, its first argument.

    Loads lock the tables that they write, and CRM_HOME only where that is an address. A step is tried again later when
    a server does not answer.
    """

    @functools.wraps(function)
    def connected(settings: Settings, source: str, *args: Any, **kwargs: Any) -> Any:
        from pipeline.landing.readers.databases.faults import UnavailableError

        hand_over_connection(source)
        try:
            with lock_at_address(settings, f"{function.__name__} of {source}"):
                return function(settings, source, *args, **kwargs)
        except UnavailableError as error:
            raise AirflowException(str(error)) from error

    return step(connected)


def hand_over_connection(source: str) -> None:
    """Copy an Airflow connection into the environment of this process, where it is read. It is not logged."""
    from pipeline.landing.connections import variable_of

    connection = load_source(source).connection
    if connection is None or os.environ.get(variable_of(connection)):
        return
    try:
        os.environ[variable_of(connection)] = Connection.get(connection).get_uri()
    except AirflowNotFoundException:
        return  # the load itself says what to set


def writing_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a step that holds the lock of CRM_HOME, so that no other process writes there in the meantime."""

    @functools.wraps(function)
    def locked(settings: Settings, *args: Any, **kwargs: Any) -> Any:
        with run_lock(settings, f"{function.__name__} of {_run_id()}", say=log.warning):
            return function(settings, *args, **kwargs)

    return step(locked)


def build_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a writing step that stops when another run has taken over the build."""

    @functools.wraps(function)
    def owned(settings: Settings, *args: Any, **kwargs: Any) -> Any:
        from pipeline.build.owner import check_owner

        check_owner(settings, _run_id())
        return function(settings, *args, **kwargs)

    return writing_step(owned)


def _run_id() -> str:
    return str(get_current_context()["run_id"])
