"""What dbt is told, and what a person is told when it fails."""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.base.errors import UserError
from pipeline.base.files import write_sealed, write_text
from pipeline.base.settings import DBT_PROJECT, Settings
from pipeline.build import dbt
from pipeline.build.dbt_process.process import started_ahead
from pipeline.build.plan import Plan, plan_path
from pipeline.serving import ledger

PLAN = Plan(
    release_id="2024-05-31-abc",
    as_of_date="2024-05-31",
    first_event_date="2024-01-02",
    feature_dates=["2024-05-03", "2024-05-31"],
    currency="EUR",
    time_zone="Europe/Berlin",
    sources=["cdnow"],
    providers={"orders": ["cdnow"]},
    timestamps_in={"cdnow": "UTC"},
    history={"cdnow": "complete"},
    landed={"cdnow": {"purchases": ["/landed.parquet"]}},
    personal={},
    receipts=[],
    landing_hash="l",
    code_version="c",
    input_hash="abc",
)

SCORED: list[dict[str, dict[str, str]]] = [{"files": {}}]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(CRM_SOURCES="cdnow")


@pytest.fixture
def dbt_says(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Put a program in the interpreter's place that prints, writes results and ends as told; return the command."""
    write_sealed(plan_path(settings), PLAN.__dict__)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))

    def say(output: str, code: int, results: list[dict[str, str]] | None = None) -> Path:
        arguments = tmp_path / "arguments"
        target = settings.home / "dbt" / "target" / "run_results.json"
        started = f"echo $$ >> {tmp_path / 'started'}"
        lines = ["#!/bin/sh", started, f"cat > {arguments}", f"echo '{output}'", f"mkdir -p {target.parent}"]
        if results is not None:
            write_text(tmp_path / "results.json", json.dumps({"results": results}))
            lines.append(f"cp {tmp_path / 'results.json'} {target}")
        script = tmp_path / "python"
        write_text(script, "\n".join([*lines, f"exit {code}\n"]))
        script.chmod(0o755)
        return arguments

    return say


def test_staging_builds_only_the_active_sources(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(CRM_SOURCES="cdnow,complete_journey")
    assert dbt.selectors(settings, "staging") == ["path:models/staging/cdnow", "path:models/staging/complete_journey"]
    assert dbt.selectors(settings, "intermediate") == ["path:seeds", "path:models/intermediate"]
    assert dbt.selectors(settings, "core") == ["path:models/core", "path:models/ops"]
    assert dbt.selectors(settings, "marts") == ["path:models/marts"]


def test_a_built_layer_is_summarised_in_one_line(settings: Settings, dbt_says: Callable[..., Path]) -> None:
    results = [
        {"unique_id": "model.perennial.fct_order", "status": "success", "message": "OK"},
        {"unique_id": "test.perennial.unique_fct_order", "status": "pass", "message": ""},
        {"unique_id": "test.perennial.late_rows", "status": "warn", "message": "Got 1 result"},
    ]
    arguments = dbt_says("all is well", 0, results)
    assert dbt.run_layers(settings, "core") == "models 1, tests 2, warnings 1"
    command = json.loads(arguments.read_text())
    words, environment = command["arguments"], command["environment"]
    assert words[words.index("--indirect-selection") + 1] == "cautious"
    assert words[words.index("--target-path") + 1] == str(settings.home / "dbt" / "target")
    lasting = json.loads(words[words.index("--vars") + 1])
    of_build = json.loads(Path(environment["CRM_BUILD"]).read_text())
    assert {**lasting, **of_build} == {**dbt.build_variables(settings, PLAN), "new_files": None}
    assert environment["DBT_FULL_REFRESH"] == "true"
    assert command["results"] == str(settings.home / "dbt" / "target" / "run_results.json")
    assert (settings.home / "dbt" / "logs" / "core.log").read_text() == "all is well\n"


def processes(folder: Path) -> list[int]:
    """Ids of the processes of dbt that were started."""
    started = folder / "started"
    return [int(line) for line in started.read_text().splitlines()] if started.exists() else []


def test_dbt_that_was_started_ahead_runs_the_command(
    settings: Settings, dbt_says: Callable[..., Path], tmp_path: Path
) -> None:
    command = dbt_says("all is well", 0, [])
    with started_ahead():
        dbt.start_ahead(settings, "core")
        dbt.run_layers(settings, "core")
        assert "build" in json.loads(command.read_text())["arguments"]
        assert len(processes(tmp_path)) == 1
        dbt.run_layers(settings, "core")
    assert len(processes(tmp_path)) == 2


def test_dbt_that_read_other_variables_is_not_used(
    settings: Settings, dbt_says: Callable[..., Path], tmp_path: Path
) -> None:
    dbt_says("", 0, [])
    with started_ahead():
        dbt.start_ahead(settings, "core")
        wait_for(lambda: len(processes(tmp_path)) == 1)
        dbt.run_layers(replace(settings, week_start="sunday"), "core")
    assert len(processes(tmp_path)) == 2


def test_dbt_that_gets_no_command_is_ended(settings: Settings, dbt_says: Callable[..., Path], tmp_path: Path) -> None:
    dbt_says("", 0, [])
    with started_ahead():
        dbt.start_ahead(settings, "core")
        wait_for(lambda: len(processes(tmp_path)) == 1)
    assert not Path(f"/proc/{processes(tmp_path)[0]}").exists()
    dbt.start_ahead(settings, "core")
    assert len(processes(tmp_path)) == 1, "a task of its own process starts none ahead"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_dbt_ended_by_a_signal_is_not_a_user_error(settings: Settings, dbt_says: Callable[..., Path]) -> None:
    script = dbt_says("", 0).with_name("python")
    write_text(script, "#!/bin/sh\nkill -TERM $$\n")
    script.chmod(0o755)
    with pytest.raises(RuntimeError, match=r"ended by signal 15 \(.*core\.log\)"):
        dbt.run_layers(settings, "core")


def test_a_failed_test_is_reported_in_dbts_words(settings: Settings, dbt_says: Callable[..., Path]) -> None:
    results = [
        {"unique_id": "model.perennial.fct_order", "status": "success", "message": "OK"},
        {
            "unique_id": "test.perennial.unique_fct_order.1a2b",
            "status": "fail",
            "message": "Got 3 results,\n configured",
        },
    ]
    dbt_says("", 1, results)
    with pytest.raises(UserError) as error:
        dbt.run_layers(settings, "core")
    assert "could not build the layer core:\n  unique_fct_order.1a2b: Got 3 results, configured\n" in str(error.value)
    assert str(settings.home / "dbt" / "logs" / "core.log") in str(error.value)


def test_many_failures_are_counted(settings: Settings, dbt_says: Callable[..., Path]) -> None:
    dbt_says("", 1, [{"unique_id": f"model.perennial.m{n}", "status": "error", "message": "no"} for n in range(8)])
    with pytest.raises(UserError, match=r"m4: no\n  … and 3 more\n"):
        dbt.run_layers(settings, "core")


def test_without_results_the_end_of_dbts_log_is_shown(settings: Settings, dbt_says: Callable[..., Path]) -> None:
    write_text(settings.home / "dbt" / "target" / "run_results.json", '{"results": []}')  # of an earlier layer
    dbt_says("Compilation Error: two models with the name a", 2)
    with pytest.raises(UserError, match="two models with the name a"):
        dbt.run_layers(settings, "core")


def test_scores_of_this_build_reach_the_marts(settings: Settings) -> None:
    scored = [
        {"run_id": "clv-1", "files": {"clv": "/s/clv.parquet", "model_runs": "/s/r2.parquet"}},
        {"run_id": "churn-1", "files": {"churn": "/s/churn.parquet", "model_runs": "/s/r1.parquet"}},
    ]
    files = dbt.build_variables(settings, PLAN, scored)["score_files"]
    assert files == {
        "clv": ["/s/clv.parquet"],
        "churn": ["/s/churn.parquet"],
        "model_runs": ["/s/r1.parquet", "/s/r2.parquet"],
    }


def ledger_entry(settings: Settings, as_of: dt.date, sources: list[str], name: str) -> Path:
    file = settings.scores / "clv" / f"as_of={as_of}" / f"run={name}.parquet"
    write_text(file, "")
    entry = {
        "release_id": f"{as_of}-{name}",
        "as_of_date": str(as_of),
        "sources": sources,
        "code_version": "c",
        "input_hash": name,
        "score_files": {"clv": [str(file.relative_to(settings.home))]},
    }
    ledger.record(settings, entry)
    return file


def test_history_has_earlier_releases_of_the_same_sources(settings: Settings) -> None:
    april = ledger_entry(settings, dt.date(2024, 4, 30), ["cdnow"], "april")
    ledger_entry(settings, dt.date(2024, 4, 30), ["complete_journey"], "other")
    ledger_entry(settings, dt.date(2024, 5, 31), ["cdnow"], "same_day")
    ledger_entry(settings, dt.date(2024, 6, 30), ["cdnow"], "later")
    now = settings.home / "now.parquet"
    variables = dbt.build_variables(settings, PLAN, [{"files": {"clv": str(now)}}])
    assert variables["history_files"]["clv"] == sorted([str(april), str(now)])
    assert [release["release_id"] for release in variables["releases"]] == ["2024-04-30-april"]


def test_of_several_releases_of_a_day_the_last_published_is_history(settings: Settings) -> None:
    day = dt.date(2024, 4, 30)
    again = ledger_entry(settings, day, ["cdnow"], "again")
    ledger_entry(settings, day, ["cdnow"], "twice")
    assert ledger_entry(settings, day, ["cdnow"], "again") == again
    (settings.ledger / ".tmp-7-half.json").write_text("{", encoding="utf-8")
    variables = dbt.build_variables(settings, PLAN, SCORED)
    assert variables["history_files"]["clv"] == [str(again)]
    assert [release["release_id"] for release in variables["releases"]] == ["2024-04-30-again"]


def test_a_missing_history_file_is_named(settings: Settings) -> None:
    ledger_entry(settings, dt.date(2024, 4, 30), ["cdnow"], "april").unlink()
    with pytest.raises(
        UserError, match=r"run=april\.parquet is damaged: it is gone.*2024-04-30-april.*backup.*_ledger"
    ):
        dbt.build_variables(settings, PLAN, SCORED)


def test_cursors_and_deletes_are_named_by_source_and_table(
    settings: Settings, define_source: Callable[..., Path]
) -> None:
    tables = {
        "cases": {"key": ["id"], "cursor": "changed_at", "deleted": "is_deleted"},
        "contacts": {"key": ["id"], "cursor": "at"},
        "notes": {"key": "position"},
    }
    read = {"file": "*.jsonl", "format": "jsonl", "load": "append", "event_time": "at"}
    define_source("desk", tables={name: {**read, **keys} for name, keys in tables.items()})
    variables = dbt.build_variables(settings, replace(PLAN, sources=["desk"]))
    assert variables["cursors"] == {"desk": {"cases": "changed_at", "contacts": "at"}}
    assert variables["deleted_columns"] == {"desk": {"cases": "is_deleted"}}


def test_variables_are_a_function_of_plan_and_ledger(settings: Settings) -> None:
    first = dbt.build_variables(settings, PLAN)
    assert first == dbt.build_variables(settings, replace(PLAN))
    assert first["as_of_date"] == "2024-05-31"
    assert first["release"]["input_hash"] == "abc"


def test_values_of_one_build_are_not_dbt_variables(settings: Settings) -> None:
    """A variable that differs from the last build's would have dbt parse the whole project again."""
    monday = dbt.given(settings.build, {**dbt.build_variables(settings, PLAN), "new_files": None})
    later = replace(PLAN, release_id="r2", as_of_date="2024-06-01", feature_dates=["2024-06-01"], input_hash="def")
    tuesday = dbt.given(
        settings.build, {**dbt.build_variables(settings, later), "new_files": ["a.parquet"], "resumed": ["core"]}
    )
    assert monday[0] == tuesday[0][: len(monday[0])]
    assert json.loads(Path(tuesday[1]["CRM_BUILD"]).read_text(encoding="utf-8"))["as_of_date"] == "2024-06-01"
    assert (monday[1]["DBT_FULL_REFRESH"], tuesday[1]["DBT_FULL_REFRESH"]) == ("true", "false")


@pytest.mark.parametrize("name", ["home", """it's "100 %" {{ x }} {% y %} 客户"""])
def test_the_releases_of_ten_years_reach_the_models(
    name: str, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """More than Linux takes in one text of the environment, from a home of any name."""
    settings = make_settings(CRM_SOURCES="cdnow", CRM_HOME=str(tmp_path / name))
    releases = [{"release_id": f"r{day}", "input_hash": "f" * 64, "sources": ["cdnow"]} for day in range(3650)]
    options, environment = dbt.given(
        settings.build, {**dbt.build_variables(settings, PLAN), "releases": releases, "new_files": None}
    )
    assert sum(len(text) for text in environment.values()) < 1024
    program = str(Path(sys.executable).with_name("dbt"))
    asked = (
        "select {{ of_build('releases') | length }} as releases, '{{ of_build('as_of_date') }}' as day,"
        " {{ of_build('new_files') is none }} as full"
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    folders = ["--project-dir", DBT_PROJECT, "--profiles-dir", DBT_PROJECT, "--target-path", tmp_path]
    done = subprocess.run(
        [program, "--quiet", "compile", "--inline", asked, *folders, "--log-path", tmp_path, *options],
        env={**os.environ, **environment, "CRM_HOME": str(settings.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "select 3650 as releases, '2024-05-31' as day, True as full" in done.stdout, done.stdout + done.stderr


def test_an_incremental_build_leaves_out_what_no_source_provides(settings: Settings) -> None:
    """A full build makes the empty tables once."""
    variables = dbt.build_variables(settings, PLAN)
    assert "--exclude" not in dbt.given(settings.build, {**variables, "new_files": None})[0]
    options, _ = dbt.given(settings.build, {**variables, "new_files": []})
    left_out = options[options.index("--exclude") + 1 :]
    assert "tag:contacts" in left_out
    assert "tag:orders" not in left_out
