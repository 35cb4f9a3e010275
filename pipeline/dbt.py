"""dbt as a subprocess, one per layer: it gives the warehouse's lock back by ending, however it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import increment, warehouse
from pipeline.disk import NO_SPACE, full_disk
from pipeline.errors import UserError
from pipeline.files import DamagedError, read_json, remove, write_json
from pipeline.history import HISTORY, history_files
from pipeline.landing.state import NOT_DELETED
from pipeline.ledger import earlier_releases
from pipeline.lock import inherited_descriptors
from pipeline.plan import Plan, load_plan, plan_path, receipts_path, write_receipts
from pipeline.settings import Settings
from pipeline.shapes import Shape
from pipeline.sources import Source, contract_entities, load_source
from pipeline.staging import copy_project

LAYERS = ("staging", "intermediate", "core", "features", "marts")
SHOWN_FAILURES = 5
SHOWN_LINES = 20
# The tables that mining writes and marts read.
SCORES = (*HISTORY, "model_runs", "model_metrics")


class NodeShape(Shape):
    """What dbt says of a node."""

    unique_id: str
    status: str
    message: str | None


class ResultsShape(Shape):
    """dbt's `run_results.json`."""

    results: list[NodeShape]


def selectors(settings: Settings, layer: str) -> list[str]:
    """What `dbt build --select` is given for a layer.

    Sources that are not active are left out of staging: nothing of theirs has landed.
    """
    if layer == "staging":
        return [f"path:models/staging/{source}" for source in settings.sources]
    if layer == "core":
        return ["path:models/core", "path:models/ops"]
    return [f"path:models/{layer}"]


def run_layer(settings: Settings, layer: str, scored: Iterable[Mapping[str, Any]] = ()) -> str:
    """Build and test one layer of the planned build.

    Parameters
    ----------
    settings
        Where CRM_HOME is, which sources are active.
    layer
        One of `LAYERS`.
    scored
        For `marts`: what the jobs of `mining.jobs` returned; their `files` are this build's scores and model runs.

    Returns
    -------
    str
        One line: models and tests, seconds.

    Raises
    ------
    UserError
        A model or a test failed; the message has their own words and names the log.
    RuntimeError
        A signal ended dbt.
    """
    plan = load_plan(settings)
    write_receipts(settings.build, plan)
    warehouse.check_free(settings)
    if layer == LAYERS[0]:
        warehouse.prepare(settings)
    folder = settings.home / "dbt"
    log = folder / "logs" / f"{layer}.log"
    results = folder / "target" / "run_results.json"
    remove(results)
    variables = build_variables(settings, plan, scored)
    if layer in increment.LAYERS:
        variables = increment.begin(settings, plan, variables, [layer])
    selected = ["build", "--select", *selectors(settings, layer), "--indirect-selection", "cautious"]
    warehouse.begin_layer(settings)
    failed = run_dbt(settings, selected, variables, folder=settings.build, target=folder / "target", log=log)
    warehouse.end_layer(settings)
    if failed:
        said = failures(results, log)
        if NO_SPACE in said:
            raise full_disk(settings, f"dbt could not build the layer {layer}; what is published stays as it is.")
        raise UserError(f"dbt could not build the layer {layer}:\n{said}\nThe whole log: {log}")
    if layer == increment.LAYERS[-1]:
        increment.complete(settings, plan, variables)
    return _summary(results)


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    variables: Mapping[str, Any],
    *,
    folder: Path,
    target: Path,
    log: Path,
    home: Path | None = None,
) -> int:
    """Run dbt in the project; return its exit code.

    Parameters
    ----------
    settings
        Where CRM_HOME is, and which sources are active: the others' staging models are not parsed.
    arguments
        dbt's command and its options.
    variables, folder
        See `given`. The copy of the project that dbt reads stands in the folder, too.
    target, log
        Folder of dbt's artifacts, file of what it prints.
    home
        Folder of the database that it writes; CRM_HOME by default.

    Raises
    ------
    RuntimeError
        A signal ended dbt: it is unknown how it left the database.
    """
    options, environment = given(folder, variables)
    copy = copy_project(folder, settings.sources)
    command = [
        str(Path(sys.executable).with_name("dbt")),
        *("--no-use-colors", "--no-version-check", "--log-level-file", "none"),
        *arguments,
        *("--project-dir", str(copy), "--profiles-dir", str(copy)),
        *("--target-path", str(target), "--log-path", str(log.parent)),
        *options,
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            command,
            cwd=copy,
            env={
                **os.environ,
                **environment,
                "CRM_HOME": str(home or settings.home),
                "CRM_MEMORY_GB": str(settings.memory_gb),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=inherited_descriptors(settings),
            umask=0o077,  # the warehouse has the ids that source systems know people by
            check=False,
        )
    if done.returncode < 0:  # a stop of Airflow, or the kernel where memory is short: it may be tried again
        raise RuntimeError(f"dbt was ended by signal {-done.returncode} ({log})")
    return done.returncode


def given(folder: Path, variables: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Options and environment that give dbt its variables.

    Those of one build stand in a file of `folder`, which the environment names and the macro `of_build` reads: were a
    variable of dbt's own another than in the run before, dbt would parse the whole project again; and Linux takes
    128 KB in one text of the environment, which the releases of a year go beyond. An incremental build leaves out the
    models that have the tag of an entity which no source provides: without it they have no rows, today as yesterday.
    """
    lasting = {name: value for name, value in variables.items() if name not in increment.OF_ONE_BUILD}
    of_build = {name: value for name, value in variables.items() if name in increment.OF_ONE_BUILD}
    path = folder / "variables.json"
    write_json(path, of_build)
    environment = {
        "CRM_BUILD": str(path),
        "DBT_FULL_REFRESH": str(variables.get("new_files") is None).lower(),
    }
    options = ["--vars", json.dumps(lasting, sort_keys=True)]
    empty = [f"tag:{entity}" for entity in contract_entities() if entity not in variables["providers"]]
    if variables.get("new_files") is not None and empty:
        options += ["--exclude", *empty]
    return options, environment


def build_variables(settings: Settings, plan: Plan, scored: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The dbt variables of a build, all of them functions of the plan, the ledger and the scores."""
    earlier = earlier_releases(settings, plan.sources, plan.as_of)
    written = [result["files"] for result in scored]
    sources = {name: load_source(name) for name in plan.sources}
    # Marts alone read it: the files of years are compared with what the ledger says of them once in a build.
    history = history_files(settings, earlier) if written else {name: [] for name in HISTORY}
    now = {name: sorted(str(files[name]) for files in written if name in files) for name in SCORES}
    return {
        "providers": plan.providers,
        "row_by_row": increment.row_by_row(plan.providers),
        "as_of_date": str(plan.as_of),
        "feature_dates": [str(date) for date in plan.feature_dates],
        "currency": plan.currency,
        "time_zone": plan.time_zone,
        "timestamps_in": plan.timestamps_in,
        "history": plan.history,
        "first_interval_start": {name: str(source.first_interval_start) for name, source in sources.items()},
        "cursors": {name: _named(source, "cursor") for name, source in sources.items()},
        "snapshots": {name: _snapshots(source) for name, source in sources.items()},
        "whole_orders": {name: tables for name, source in sources.items() if (tables := _of_whole_orders(source))},
        "fresh_within_hours": {n: s.fresh_within_hours for n, s in sources.items() if s.fresh_within_hours},
        "not_deleted": list(NOT_DELETED),
        "deleted_columns": {name: _named(source, "deleted") for name, source in sources.items()},
        "left_truncation_days": settings.left_truncation_days,
        "week_start": settings.week_start,
        "fiscal_year_start": settings.fiscal_year_start,
        "plan": str(plan_path(settings)),
        "receipts": str(receipts_path(settings)),
        "crm_home": str(settings.home),
        "score_files": now,
        "history_files": {name: sorted({*paths, *now[name]}) for name, paths in history.items()},
        "release": {
            "release_id": plan.release_id,
            "as_of_date": str(plan.as_of),
            "code_version": plan.code_version,
            "input_hash": plan.input_hash,
            "sources": sorted(settings.sources),
        },
        "releases": [
            {name: entry[name] for name in ("release_id", "as_of_date", "code_version", "input_hash", "sources")}
            for entry in earlier
        ],
    }


def _named(source: Source, key: str) -> dict[str, str]:
    """The columns that a source's tables name under a key, by table."""
    return {name: column for name, table in source.tables.items() if (column := getattr(table, key))}


def _snapshots(source: Source) -> list[str]:
    """Tables of which whole copies follow each other: there the later copy is right, whatever a cursor says."""
    return [name for name, table in source.tables.items() if table.load == "snapshot" and source.has_history(table)]


def _of_whole_orders(source: Source) -> list[str]:
    """Tables of lines of which each load has whole orders."""
    return [name for name, table in source.tables.items() if table.whole_orders]


def _read_results(results: Path) -> list[dict[str, Any]]:
    """What dbt says of each node; nothing where it ended before it could say it."""
    try:
        return list(read_json(results, "", ResultsShape)["results"])
    except DamagedError:
        return []


def failures(results: Path, log: Path) -> str:
    """What failed, in dbt's own words."""
    failed = [result for result in _read_results(results) if result["status"] in ("error", "fail")]
    if not failed:  # dbt stopped before it built anything: its own last words
        return "\n".join(f"  {line}" for line in log.read_text(encoding="utf-8").splitlines()[-SHOWN_LINES:])
    lines = [
        f"  {result['unique_id'].split('.', 2)[-1]}: {' '.join((result['message'] or result['status']).split())}"
        for result in failed[:SHOWN_FAILURES]
    ]
    if len(failed) > SHOWN_FAILURES:
        lines.append(f"  … and {len(failed) - SHOWN_FAILURES} more")
    return "\n".join(lines)


def _summary(results: Path) -> str:
    found = _read_results(results)
    tests = [result for result in found if result["unique_id"].startswith(("test.", "unit_test."))]
    warned = sum(result["status"] == "warn" for result in found)
    return f"models {len(found) - len(tests)}, tests {len(tests)}" + (f", warnings {warned}" if warned else "")
