"""The console output of `perennial run`: one line per task, with its result."""

import logging
import time
from typing import Any

from airflow.listeners import hookimpl
from airflow.sdk.listener import get_listener_manager
from rich.console import Console
from rich.status import Status
from rich.text import Text

from pipeline.landing.land import UNCHANGED

NAME_WIDTH = 28
BAR_WIDTH = 20


class Progress:
    """A listener of Airflow's task runner.

    Attributes
    ----------
    failed_task, error
        The first task that failed and its exception, once one has failed.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failed_task: str | None = None
        self.error: str | BaseException | None = None
        self._status: Status | None = None
        self._started = time.monotonic()
        get_listener_manager().add_listener(self)
        logging.getLogger("perennial.landing").addHandler(_LoadStatus(self))

    def heading(self, dag_id: str) -> None:
        """Begin the lines of a DAG."""
        self.console.print(Text(dag_id, style="bold"))

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Show the task that is running, where the output is a terminal."""
        self._started = time.monotonic()
        if self.console.is_terminal:
            self._status = self.console.status(f"  {_name(task_instance)}")
            self._status.start()

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        """Print the line of a finished task."""
        result = task_instance.xcom_pull(task_ids=task_instance.task_id, map_indexes=task_instance.map_index)
        self._line("ok", "green", task_instance, describe(result))

    @hookimpl
    def on_task_instance_skipped(self, task_instance: Any) -> None:
        """Print the line of a task that skipped itself."""
        self._line("skip", "dim", task_instance, "")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: str | BaseException | None) -> None:
        """Print the line of a failed task and keep its error; the end of the run prints it in full."""
        self._line("FAIL", "red", task_instance, "")
        if self.failed_task is None:
            self.failed_task, self.error = f"{task_instance.dag_id}.{task_instance.task_id}", error

    def take_failure(self) -> tuple[str | None, str | BaseException | None]:
        """Return the failed task and its error, and reset them for the next DAG."""
        failed = self.failed_task, self.error
        self.failed_task = self.error = None
        return failed

    def show(self, text: str) -> None:
        """Show the progress of the running task, where the output is a terminal."""
        if self._status:
            self._status.update(f"  {text}")

    def _line(self, mark: str, style: str, task_instance: Any, result: str) -> None:
        if self._status:
            self._status.stop()
            self._status = None
        line = Text("  ").append(f"{mark:<5}", style=style).append(f"{_name(task_instance):<{NAME_WIDTH}}")
        line.append(f"{time.monotonic() - self._started:6.1f} s  {result}")
        line.rstrip()
        self.console.print(line, no_wrap=True, overflow="ellipsis")


class _LoadStatus(logging.Handler):
    """Shows what a load logs: its table, and a bar where the number of rows is known."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.INFO)
        self.progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        self.progress.show(f"{bar(getattr(record, 'share', None))}{record.getMessage().splitlines()[0]}")


def bar(share: float | None) -> str:
    """Draw a share as a bar: `█████▒▒▒▒▒  50%  `; nothing where there is none."""
    if share is None:
        return ""
    full = round(BAR_WIDTH * min(share, 1.0))
    return f"{'█' * full}{'▒' * (BAR_WIDTH - full)} {min(share, 1.0):4.0%}  "


def _name(task_instance: Any) -> str:
    mapped = getattr(task_instance, "rendered_map_index", None)
    return f"{task_instance.task_id} {mapped}" if mapped else str(task_instance.task_id)


def describe(result: Any) -> str:
    """Summarise what a task returned in a few words."""
    match result:
        case None | bool():
            return ""
        case list():
            return count(len(result), "file")
        case dict() if result and all(isinstance(value, str) for value in result.values()):  # tables of a load
            return "; ".join(f"{name}: {text}" for name, text in result.items() if text != UNCHANGED) or UNCHANGED
        case dict():
            return ", ".join(filter(None, (_pair(name, value) for name, value in result.items())))
    return str(result)


def _pair(name: str, value: Any) -> str:
    match value:
        case {"is_new": is_new, "is_published": is_published}:  # a model
            return f"{name} {'trained' if is_new else 'kept'}{'' if is_published else ', not published'}"
        case bool():
            return ""
        case int():
            return f"{name} {value:,}"
    return ""


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
