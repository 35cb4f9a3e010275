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

from pipeline.errors import UserError
from pipeline.lock import run_lock
from pipeline.settings import Settings, load_settings
from pipeline.sources import load_source

OWNER = "data-engineering"
START = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)
RELEASE = Asset("perennial://serving/release")
MODELS = Asset("perennial://mining/models")

log = logging.getLogger("perennial")


def landed(source: str) -> Asset:
    """The landing of a source: updated by its extraction, watched by the build."""
    return Asset(f"perennial://landing/{source}")


def alert(context: Any) -> None:
    """Log that a task has failed for good: the place to call a pager from.

    Airflow also calls this when it finds a task interrupted, such as by a stop of Airflow itself, that it tries again.
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

    The settings come from the environment. What the user can put right fails at once, without retries.
    """

    @functools.wraps(function)
    def body(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(load_settings(), *args, **kwargs)
        except UserError as error:
            raise AirflowFailException(str(error)) from error

    parameters = list(inspect.signature(function).parameters.values())
    # Airflow binds arguments by signature: the settings are not one of them.
    body.__signature__ = inspect.Signature(parameters[1:])  # type: ignore[attr-defined]
    return body


def landing_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a step that lands a source, its first argument. Loads lock the tables that they write, not CRM_HOME.

    A server that does not answer is a reason to try again later.
    """

    @functools.wraps(function)
    def connected(settings: Settings, source: str, *args: Any, **kwargs: Any) -> Any:
        from pipeline.landing.readers.faults import UnavailableError

        hand_over_connection(source)
        try:
            return function(settings, source, *args, **kwargs)
        except UnavailableError as error:
            raise AirflowException(str(error)) from error

    return step(connected)


def hand_over_connection(source: str) -> None:
    """Put an Airflow connection where the pipeline looks for it: this process's environment, which is not logged."""
    from pipeline.landing.connections import variable_of

    connection = load_source(source).connection
    if connection is None or os.environ.get(variable_of(connection)):
        return
    try:
        os.environ[variable_of(connection)] = Connection.get(connection).get_uri()
    except AirflowNotFoundException:
        return  # the load says what to set


def writing_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a step that holds the lock of CRM_HOME: no other process writes there meanwhile."""

    @functools.wraps(function)
    def locked(settings: Settings, *args: Any, **kwargs: Any) -> Any:
        with run_lock(settings, f"{function.__name__} of {_run_id()}", say=log.warning):
            return function(settings, *args, **kwargs)

    return step(locked)


def build_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a writing step that goes on only while the build is still this run's."""

    @functools.wraps(function)
    def owned(settings: Settings, *args: Any, **kwargs: Any) -> Any:
        from pipeline.build import check_owner

        check_owner(settings, _run_id())
        return function(settings, *args, **kwargs)

    return writing_step(owned)


def _run_id() -> str:
    return str(get_current_context()["run_id"])
