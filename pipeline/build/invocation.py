"""One command of dbt in a process of its own: `python -m pipeline.build.invocation RESULTS ARGUMENTS...`.

It is dbt's command line without what takes time in each run and is not read here: dbt's own loggers, which write every
event as a line before they ask for its level, and `manifest.json`, which dbt writes twice.
"""

import datetime as dt
import gc
import sys
from collections.abc import Sequence
from typing import Any

from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner

DEBUG = "debug"
OPTIONS = ("--no-version-check", "--log-level", "none", "--log-level-file", "none", "--no-write-json")


def main(results: str, arguments: Sequence[str]) -> int:
    """Run the command, print its events, and write the results of the nodes.

    Parameters
    ----------
    results
        Path of `run_results.json`. It is written when dbt has come to its nodes.
    arguments
        The command and its options.

    Returns
    -------
    int
        dbt's exit code: 0, 1 when a node failed, 2 when the command itself did.
    """
    gc.disable()  # the parsed project is a million objects that live as long as the process
    done = dbtRunner(callbacks=[_print]).invoke([*OPTIONS, *arguments])
    if isinstance(done.result, RunExecutionResult):
        done.result.write(results)
    if isinstance(done.exception, DbtUsageException):  # of any other there has been an event
        print(done.exception, flush=True)
    return 2 if done.exception else int(not done.success)


def _print(event: Any) -> None:
    if event.info.level != DEBUG:
        print(f"{dt.datetime.now(dt.UTC):%H:%M:%S}  {event.info.msg}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
