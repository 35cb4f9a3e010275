"""One command of dbt in a process of its own: `python -m pipeline.build.dbt_process.invocation OPTIONS...`.

The process reads the project by the options, and then its command, a line of JSON, from standard input. So it can be
started before the command is known (`pipeline.build.dbt_process.process`). Without a command it ends.

It is dbt's command line without what takes time in each run and is not read here: dbt's own loggers, which write every
event as a line before they ask for its level, and `manifest.json`, which dbt writes twice.
"""

import datetime as dt
import gc
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner, dbtRunnerResult

from pipeline.base.errors import UserError
from pipeline.build.dbt_process.failures import STOPPED
from pipeline.build.spark import server, session

DEBUG = "debug"
OPTIONS = ("--no-version-check", "--log-level", "none", "--log-level-file", "none", "--no-write-json")


def main(options: Sequence[str]) -> int:
    """Read the project, run the command, print its events, and write the results of the nodes.

    Parameters
    ----------
    options
        Where the project is, and its variables.

    Returns
    -------
    int
        dbt's exit code: 0, 1 when a node failed, 2 when the command itself did.

    Notes
    -----
    The command is `{"arguments": [...], "environment": {...}, "results": path}`: dbt's command with all its options,
    environment variables, and the path of `run_results.json`, which is written when dbt has come to its nodes.
    """
    gc.disable()  # the parsed project is a million objects that live as long as the process
    is_spark = os.environ.get("CRM_ENGINE") == "spark"
    if is_spark:
        _adapt()
    parsed = _invoke(None, ["parse", *options])
    line = sys.stdin.readline()
    if not line:
        return 0
    command = json.loads(line)
    os.environ.update(command["environment"])
    if parsed.success and is_spark:
        try:
            _begin_spark()
        except UserError as error:
            print(f"{STOPPED}{error}", flush=True)
            return 2
    done = _invoke(parsed.result, command["arguments"]) if parsed.success else parsed
    if isinstance(done.result, RunExecutionResult):
        done.result.write(command["results"])
    return 2 if done.exception else int(not done.success)


def _adapt() -> None:
    from pipeline.build.spark.adapter import adapt  # noqa: PLC0415 - an extra, and seconds

    adapt()


def _begin_spark() -> None:
    is_server = os.environ["CRM_SPARK_MASTER"].startswith(server.SCHEME)
    (server.begin if is_server else session.begin)(os.environ)


def _invoke(manifest: Any, arguments: Sequence[str]) -> dbtRunnerResult:
    done = dbtRunner(manifest=manifest, callbacks=[_print]).invoke([*OPTIONS, *arguments])
    if isinstance(done.exception, DbtUsageException):  # of any other there has been an event
        print(done.exception, flush=True)
    return done


def _print(event: Any) -> None:
    if event.info.level != DEBUG:
        print(f"{dt.datetime.now(dt.UTC):%H:%M:%S}  {event.info.msg}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
