"""The layers of a build as commands of dbt, and the variables that dbt is given."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.base.catalog import catalog
from pipeline.base.errors import UserError
from pipeline.base.files import remove, write_json
from pipeline.base.numbers import currency_digits
from pipeline.base.scratch import NO_SPACE, full_disk
from pipeline.base.settings import Settings, known_sources
from pipeline.build import increment, warehouse
from pipeline.build.contracts import contract_rules
from pipeline.build.dbt_process.failures import failures, read_results
from pipeline.build.dbt_process.process import DbtProcess, is_started_ahead, keep_waiting, waiting
from pipeline.build.golden_record import check_golden_record
from pipeline.build.history import HISTORY, history_files
from pipeline.build.identity import identity_model
from pipeline.build.phones import phone_variables
from pipeline.build.plan import NO_ARMS, Plan, landed_path, load_plan, receipts_path, write_for_dbt
from pipeline.build.spark.kept import keep_made
from pipeline.build.spark.server import schema_prefix
from pipeline.build.staging import COPY, copy_project
from pipeline.campaigns import campaign_variables, read_campaigns
from pipeline.landing.state import NOT_DELETED
from pipeline.serving.ledger import earlier_releases
from pipeline.sources.definitions import Source, contract_entities, load_source

RESULTS = "run_results.json"
LAYERS = ("staging", "intermediate", "core", "features", "marts")
# What mining reads is built in one run of dbt, which takes seconds to start; marts are built when mining has ended.
BEFORE_MINING = LAYERS[:-1]


def selectors(settings: Settings, layer: str) -> list[str]:
    """What `dbt build --select` is given for a layer.

    Sources that are not active are left out of staging: nothing of theirs has landed. Seeds belong to the first layer
    that reads them.
    """
    if layer == "staging":
        return [f"path:models/staging/{source}" for source in settings.sources]
    if layer == "intermediate":
        return ["path:seeds", "path:models/intermediate"]
    if layer == "core":
        return ["path:models/core", "path:models/ops"]
    return [f"path:models/{layer}"]


def run_layers(settings: Settings, *layers: str, scored: Iterable[Mapping[str, Any]] = ()) -> str:
    """Build and test layers of the planned build, in one run of dbt.

    Parameters
    ----------
    settings
        Where CRM_HOME is, which sources are active.
    layers
        Some of `LAYERS`, in their order.
    scored
        For `marts`: what the jobs of `mining.jobs` returned; their `files` are this build's scores and model runs.

    Returns
    -------
    str
        One line: models and tests.

    Raises
    ------
    UserError
        A model or a test failed; the message has their own words and names the log.
    RuntimeError
        A signal ended dbt.
    """
    plan = load_plan(settings)
    write_for_dbt(settings.build, plan)
    warehouse.check_free(settings)
    if LAYERS[0] in layers:
        warehouse.prepare(settings)
    results = _target(settings) / RESULTS
    remove(results)
    variables = build_variables(settings, plan, scored)
    if incremental := [layer for layer in layers if layer in increment.LAYERS]:
        variables = increment.begin(settings, plan, variables, incremental)
    paths = [path for layer in layers for path in selectors(settings, layer)]
    options, environment = given(settings.build, variables)
    log = _log(settings, layers)
    process = waiting(_reads(settings, variables), log) or _start(settings, variables, log)
    warehouse.begin_layer(settings)
    if settings.is_spark:
        keep_made(settings, layers, [asdict(plan), variables])
    selected = ["build", "--select", *paths, "--indirect-selection", "cautious"]
    failed = process.run([*selected, *_folders(settings), *options], environment, results)
    warehouse.end_layer(settings, is_built=not failed)
    if failed:
        said = failures(results, log)
        what = f"the layer {layers[0]}" if len(layers) == 1 else f"the layers {layers[0]} to {layers[-1]}"
        if NO_SPACE in said:
            raise full_disk(settings, f"dbt could not build {what}; what is published stays as it is.")
        raise UserError(f"dbt could not build {what}:\n{said}\nThe whole log: {log}")
    if increment.LAYERS[-1] in layers:
        increment.complete(settings, plan, variables)
    return _summary(results)


def start_ahead(settings: Settings, *layers: str) -> None:
    """Start dbt for layers of the planned build, which it waits for, where this process runs all tasks of the build.

    Parameters
    ----------
    settings, layers
        As `run_layers` will be given.
    """
    if is_started_ahead():
        variables = build_variables(settings, load_plan(settings))
        keep_waiting(_start(settings, variables, _log(settings, layers)))


def _start(settings: Settings, variables: Mapping[str, Any], log: Path) -> DbtProcess:
    """Start dbt. The staging models of sources that are not active are not parsed."""
    project = copy_project(settings.build, settings.sources)
    return DbtProcess(settings, project, _reads(settings, variables), log)


def _reads(settings: Settings, variables: Mapping[str, Any]) -> list[str]:
    """What dbt reads the project by."""
    return [*_folders(settings), *_lasting(variables)]


def _folders(settings: Settings) -> list[str]:
    project = str(settings.build / COPY)
    folders = {"--project-dir": project, "--profiles-dir": project, "--target-path": str(_target(settings))}
    return [*chain(*folders.items()), "--log-path", str(_logs(settings))]


def _target(settings: Settings) -> Path:
    return settings.home / "dbt" / "target"


def _logs(settings: Settings) -> Path:
    return settings.home / "dbt" / "logs"


def _log(settings: Settings, layers: Sequence[str]) -> Path:
    name = layers[0] if len(layers) == 1 else f"{layers[0]}-to-{layers[-1]}"
    return _logs(settings) / f"{name}.log"


def given(folder: Path, variables: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Options and environment that give dbt its variables.

    Variables of one build are in a file of `folder`, which the environment names and the macro `of_build` reads. If
    they were variables of dbt, a changed value would make dbt parse the whole project again. An environment variable
    would be too small: Linux limits it to 128 KB, and the releases of a year need more. An incremental build leaves out
    the models with the tag of an entity that no source provides, because they have no rows. It leaves out the seeds,
    too: they are part of the code, and where the code has changed, everything is built.
    """
    of_build = {name: value for name, value in variables.items() if name in increment.OF_ONE_BUILD}
    path = folder / "variables.json"
    write_json(path, of_build)
    environment = {
        "CRM_BUILD": str(path),
        "DBT_FULL_REFRESH": str(variables.get("new_files") is None).lower(),
    }
    options = _lasting(variables)
    empty = [f"tag:{entity}" for entity in contract_entities() if entity not in variables["providers"]]
    if variables.get("new_files") is not None:
        options += ["--exclude", "path:seeds", *empty]
    return options, environment


def _lasting(variables: Mapping[str, Any]) -> list[str]:
    lasting = {name: value for name, value in variables.items() if name not in increment.OF_ONE_BUILD}
    return ["--vars", json.dumps(lasting, sort_keys=True)]


def build_variables(settings: Settings, plan: Plan, scored: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return the dbt variables of a build, which follow from the plan, the ledger and the scores."""
    check_golden_record(known_sources())
    earlier = earlier_releases(settings, plan.sources, plan.as_of)
    written = [result["files"] for result in scored]
    sources = {name: load_source(name) for name in plan.sources}
    # Only marts read it. The files of years are compared with the ledger once in a build.
    history = history_files(settings, earlier) if written else {name: [] for name in HISTORY}
    scores = {name for files in written for name in files}
    now = {name: sorted(str(files[name]) for files in written if name in files) for name in sorted(scores)}
    return {
        "providers": plan.providers,
        "row_by_row": increment.row_by_row(plan.providers),
        "as_of_date": str(plan.as_of),
        "feature_dates": [str(date) for date in plan.feature_dates],
        "currency": plan.currency,
        "currency_digits": currency_digits(plan.currency),
        "rules": contract_rules(plan.as_of, schema_prefix(settings)),
        "measures": {fact.name: fact.measures for fact in catalog().values() if fact.measures},
        **campaign_variables(read_campaigns().values(), settings, as_of=plan.as_of, currency=plan.currency),
        "time_zone": plan.time_zone,
        "phones": phone_variables(plan.time_zone),
        "timestamps_in": plan.timestamps_in,
        "history": plan.history,
        "first_interval_start": {name: str(source.first_interval_start) for name, source in sources.items()},
        "cursors": {name: _named(source, "cursor") for name, source in sources.items()},
        "snapshots": {name: _snapshots(source) for name, source in sources.items()},
        "whole_orders": {name: tables for name, source in sources.items() if (tables := _of_whole_orders(source))},
        "lookups": {name: keys for name, source in sources.items() if (keys := _lookups(source))},
        "fresh_within_hours": {n: s.fresh_within_hours for n, s in sources.items() if s.fresh_within_hours},
        "not_deleted": list(NOT_DELETED),
        "deleted_columns": {name: _named(source, "deleted") for name, source in sources.items()},
        "left_truncation_days": settings.left_truncation_days,
        "week_start": settings.week_start,
        "fiscal_year_start": settings.fiscal_year_start,
        "agent_figures": settings.agent_figures,
        "smallest_group": settings.smallest_group,
        "plan": str(landed_path(settings)),
        "receipts": str(receipts_path(settings)),
        "exported_arms": [str(settings.build / NO_ARMS), *plan.arms],
        "crm_home": str(settings.home),
        "score_files": now,
        "history_files": {name: sorted({*paths, *now.get(name, [])}) for name, paths in history.items()},
        "seen_before": _end_of(plan),
        "identity_decisions": plan.decisions,
        "identity_ledger": plan.identity_ledger,
        "identity_model": identity_model(settings, plan.sources),
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


def _end_of(plan: Plan) -> str:
    """The end of the as-of date in UTC: what was seen before it had been seen on that day."""
    midnight = datetime.combine(plan.as_of + timedelta(days=1), time(), ZoneInfo(plan.time_zone))
    return f"{midnight.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _named(source: Source, key: str) -> dict[str, str]:
    """Return the columns that a source's tables name under a key, by table."""
    return {name: column for name, table in source.tables.items() if (column := getattr(table, key))}


def _snapshots(source: Source) -> list[str]:
    """Return the tables that are delivered as whole copies: the later copy is right, whatever a cursor says."""
    return [name for name, table in source.tables.items() if table.load == "snapshot" and source.has_history(table)]


def _lookups(source: Source) -> dict[str, list[str]]:
    """Return the keys of the tables that models join."""
    return {name: table.key_columns for name, table in source.tables.items() if table.lookup}


def _of_whole_orders(source: Source) -> list[str]:
    """Return the tables of lines of which each load has whole orders."""
    return [name for name, table in source.tables.items() if table.whole_orders]


def _summary(results: Path) -> str:
    found = read_results(results)
    tests = [result for result in found if result["unique_id"].startswith(("test.", "unit_test."))]
    warned = sum(result["status"] == "warn" for result in found)
    return f"models {len(found) - len(tests)}, tests {len(tests)}" + (f", warnings {warned}" if warned else "")
