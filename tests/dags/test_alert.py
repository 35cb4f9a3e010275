"""What is alerted: a task that has failed for good, and none that is tried again."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

ALERT = """
import json, sys
from types import SimpleNamespace
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pipeline.orchestration import tasks
levels = ("warning", "error")
tasks.log = SimpleNamespace(**{level: lambda *said, level=level: print(level, said[0] % said[1:]) for level in levels})
number, error = json.loads(sys.argv[1])
errors = {"fail": AirflowFailException("a column is missing"), "other": AirflowException("no answer"), None: None}
task = SimpleNamespace(dag_id="extract_shop", task_id="land", try_number=number, max_tries=2)
tasks.alert({"task_instance": task, "exception": errors[error]})
"""


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (1, None, "warning extract_shop.land was interrupted; it is tried again"),  # found without its process
        (2, "other", "warning extract_shop.land was interrupted; it is tried again"),
        (1, "fail", "error extract_shop.land failed and is not tried again: a column is missing"),
        (3, "other", "error extract_shop.land failed and is not tried again: no answer"),
        (3, None, "error extract_shop.land failed and is not tried again: None"),
    ],
)
def test_a_task_that_is_tried_again_is_not_logged_as_an_error(
    number: int, error: str | None, said: str, tmp_path: Any
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALERT, json.dumps([number, error])],
        env={"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == said
