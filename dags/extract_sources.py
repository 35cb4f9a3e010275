"""
# extract_<source>

**Purpose.** Copy one source system, as it is, into the landing: one DAG per active source (`CRM_SOURCES`), each a file
in `dags/sources/`.

**Produces.** `$CRM_HOME/landing/<source>/<table>/<interval>.<hash>.parquet` with a receipt (`.json`) beside each file,
personal columns in a `.personal.parquet`, unreadable lines in a `.rejects.parquet`. Emits the asset
`perennial://landing/<source>`, on which `build_customers` runs.

**How.** One task lands all tables, up to `max_connections` of them side by side. The tables of a PostgreSQL database
are read in one snapshot, which stays open until the last table is read. A run goes from the last landed end to the end
of its interval, so nothing is left out after a failure. An interval that has landed is not asked for again. A backfill
(`make backfill`, `airflow backfill create`, or a run triggered with the parameter `force`) asks again, and stores the
new response as another generation. It may run beside the schedule.

**If it fails.** What landed before is untouched, and so is what is published. The message of `land` names the table,
what is wrong and the next step; the other tables have landed. A temporary failure, such as a server that does not
answer, is tried again. A load that is *held* waits for `make accept SOURCE=… TABLE=…`. docs/runbook.md has a row
for each message. Correct the cause and trigger the DAG again.
"""

import datetime as dt

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, get_current_context, task

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings, load_settings
from pipeline.orchestration.tasks import DEFAULT_ARGS, START, landed, landing_step
from pipeline.sources.definitions import Source, load_source

FORCE = Param(False, type="boolean", description="Ask the source again for an interval that has landed.")


def interval_end(source: Source) -> dt.datetime | None:
    """Return the end of the run's interval; without one, the end of the last complete interval."""
    if not source.is_scheduled:
        return None
    from airflow.timetables.interval import CronDataIntervalTimetable as Timetable
    from pendulum import instance

    context = get_current_context()
    end = context.get("data_interval_end")
    if end is None:
        timetable = Timetable(source.schedule, timezone=source.time_zone)
        # A worker gets the time as Python's datetime, and the timetable needs pendulum's.
        end = timetable.infer_manual_data_interval(run_after=instance(context["dag_run"].run_after)).end
    return end


def is_forced() -> bool:
    """Return whether the run asks again for what has landed: a backfill, or a run triggered with `force`."""
    context = get_current_context()
    return context["dag_run"].run_type == "backfill" or bool(context["params"].get("force"))


def extract_dag(name: str, source: Source) -> DAG:
    """Make the DAG of one source."""

    @task(outlets=[landed(name)])
    @landing_step
    def land(settings: Settings, source_name: str) -> dict[str, str]:
        """Land all tables of the source; return the result of each."""
        from pipeline.landing import described, land_source

        forced = is_forced()
        start = get_current_context().get("data_interval_start") if forced else None
        end = interval_end(load_source(source_name))
        results = land_source(settings, source_name, end, interval_start=start, force=forced)
        return {table: described(result) for table, result in results.items()}

    with DAG(
        dag_id=f"extract_{name}",
        description=" ".join(source.description.split()),
        doc_md=__doc__,
        schedule=CronDataIntervalTimetable(source.schedule, timezone=source.time_zone) if source.is_scheduled else None,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        default_args=DEFAULT_ARGS,
        params={"force": FORCE},
        tags=["extract", name, "tier-1"],
    ) as dag:
        land(name)
    return dag


for source_name in load_settings().sources:
    try:
        definition = load_source(source_name)
    except UserError:
        continue  # check_sources.py reports it; the other sources go on
    globals()[f"extract_{source_name}"] = extract_dag(source_name, definition)
