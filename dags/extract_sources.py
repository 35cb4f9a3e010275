"""
# extract_<source>

**Purpose.** Copy one source system, as it is, into the landing: one DAG per file in `dags/sources/`.

**Produces.** `$CRM_HOME/landing/<source>/<table>/<interval>.<hash>.parquet` with a receipt (`.json`) beside each file.
Unreadable lines are kept in a `.rejects.parquet`. Emits the asset `perennial://landing/<source>`, on which
`build_customers` runs.

**If it fails.** What landed before is untouched. The failed task's message names the file, the column and the next
step: `plan` when the source is not there, `land` when a table cannot be read. Put it right and trigger the DAG again;
a run without an interval loads from the last landed end to the last complete interval, so nothing is left out.
"""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, get_current_context, task

from dags.common import DEFAULT_ARGS, START, landed, step, writing_step
from pipeline.errors import UserError
from pipeline.settings import Settings, known_sources
from pipeline.sources import Source, load_source


@task
@step
def plan(settings: Settings, source: str) -> dict[str, Any]:
    """Find the source's files or tables and fix the interval of this load."""
    from pipeline.landing import plan_source

    return plan_source(settings, source, _interval_end(load_source(source)))


@task(map_index_template="{{ task.op_kwargs['table'] }}")
@writing_step
def land(settings: Settings, source: str, interval_end: str, table: str) -> dict[str, Any] | str:
    """Land one table."""
    from pipeline.landing import land_table

    return land_table(
        settings,
        source,
        table,
        interval_start=_backfill_start(),
        interval_end=dt.datetime.fromisoformat(interval_end),
    )


def _interval_end(source: Source) -> dt.datetime | None:
    """End of the run's interval; of a run without one, the end of the last complete interval."""
    if not source.is_scheduled:
        return None
    from airflow.timetables.interval import CronDataIntervalTimetable as Timetable

    context = get_current_context()
    end = context.get("data_interval_end")
    if end is None:
        timetable = Timetable(source.schedule, timezone=source.time_zone)
        end = timetable.infer_manual_data_interval(run_after=context["dag_run"].run_after).end
    return end


def _backfill_start() -> dt.datetime | None:
    """Start of the interval that a backfill reloads; other runs go on where the last load ended."""
    context = get_current_context()
    return context.get("data_interval_start") if context["dag_run"].run_type == "backfill" else None


def extract_dag(name: str, source: Source) -> DAG:
    """Make the DAG of one source."""

    @task(outlets=[landed(name)])
    @step
    def report(_: Settings, receipts: list[Any]) -> str:
        """Say how much of the load is new, and that the source has landed."""
        results = list(receipts)
        new = [receipt for receipt in results if receipt != "unchanged"]
        return f"{len(new)} of {len(results)} tables new, {sum(receipt['received'] for receipt in new):,} rows"

    with DAG(
        dag_id=f"extract_{name}",
        description=" ".join(source.description.split()),
        doc_md=__doc__,
        schedule=CronDataIntervalTimetable(source.schedule, timezone=source.time_zone) if source.is_scheduled else None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULT_ARGS,
        tags=["extract", name, "tier-1"],
    ) as dag:
        planned = plan(name)
        loads = land.partial(source=name, interval_end=planned["interval_end"]).expand(table=list(source.tables))
        report(loads)
    return dag


for source_name in known_sources():
    try:
        definition = load_source(source_name)
    except UserError:
        continue  # check_sources.py shows it; the other sources go on
    globals()[f"extract_{source_name}"] = extract_dag(source_name, definition)
