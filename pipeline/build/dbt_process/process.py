"""dbt's process: it gives the warehouse's lock back by ending, however it ends.

dbt takes seconds to import itself and to read the project. Where one process runs all tasks of a build, it starts dbt
ahead, and does other work in the meantime.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.base.lock import inherited_descriptors
from pipeline.base.settings import Settings
from pipeline.build.spark.server import schema_prefix

INVOCATION = "pipeline.build.dbt_process.invocation"
# Unit tests test code, not data: the test suite runs them once.
WITHOUT_UNIT_TESTS = {"DBT_EXCLUDE_RESOURCE_TYPES": "unit_test"}
# Processes that wait for their command, by their log. None where processes are started when they are needed.
_waiting: "dict[Path, DbtProcess] | None" = None


class DbtProcess:
    """A process of dbt that reads the project, and waits for its command.

    Parameters
    ----------
    settings
        Where CRM_HOME is, and how much memory dbt may take.
    project
        The copy of the project that dbt reads.
    options
        Of dbt: where the project is, and its variables.
    log
        The file of what dbt prints.
    """

    def __init__(self, settings: Settings, project: Path, options: Sequence[str], log: Path) -> None:
        self.options = list(options)
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", INVOCATION, *options],
                cwd=project,
                env={
                    **WITHOUT_UNIT_TESTS,
                    **os.environ,
                    "CRM_HOME": str(settings.home),
                    "CRM_MEMORY_GB": str(settings.memory_gb),
                    "CRM_ENGINE": settings.engine,
                    "CRM_SPARK_MASTER": settings.spark_master,
                    "CRM_SCHEMA_PREFIX": schema_prefix(settings),
                    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
                },
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=inherited_descriptors(settings),
                umask=0o077,  # the warehouse has the ids that source systems know people by
            )

    def run(self, arguments: Sequence[str], environment: Mapping[str, str], results: Path) -> int:
        """Run a command of dbt to its end; return the exit code.

        Parameters
        ----------
        arguments
            The command with all its options.
        environment
            More environment variables.
        results
            Path of `run_results.json`.

        Raises
        ------
        RuntimeError
            A signal ended dbt, so the state of the database is unknown.
        """
        command = {"arguments": list(arguments), "environment": dict(environment), "results": str(results)}
        try:
            self._process.communicate(json.dumps(command).encode())
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        if self._process.returncode < 0:  # Airflow was stopped, or memory is short: the task may be tried again
            raise RuntimeError(f"dbt was ended by signal {-self._process.returncode} ({self.log})")
        return self._process.returncode

    def end(self) -> None:
        """End a process that is not needed."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def started_ahead() -> Iterator[None]:
    """Let `wait_for_command` take effect; end the processes that got no command."""
    global _waiting  # noqa: PLW0603 - one process runs all tasks of a build, or one
    _waiting = {}
    try:
        yield
    finally:
        for process in _waiting.values():
            process.end()
        _waiting = None


def is_started_ahead() -> bool:
    """Whether this process runs all tasks of a build."""
    return _waiting is not None


def keep_waiting(process: DbtProcess) -> None:
    """Keep a process until its command is known."""
    assert _waiting is not None
    _waiting[process.log] = process


def waiting(options: Sequence[str], log: Path) -> DbtProcess | None:
    """Take the process that was started with these options; None where there is none."""
    process = (_waiting or {}).pop(log, None)
    if process is not None and process.options != list(options):
        process.end()
        return None
    return process
