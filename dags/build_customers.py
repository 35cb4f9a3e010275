"""
# build_customers

**Purpose.** Build one audited customer warehouse, with segments, lifetime values and churn scores, from everything that
has landed. Runs when an active source has landed or models have been trained. Skips itself when nothing has changed.

**Produces.** `$CRM_HOME/serving/releases/<release_id>/` and the link `serving/current` (`perennial.duckdb`,
`contacts.duckdb`, `parquet/`). Emits the asset `perennial://serving/release`.

**If it fails.** Nothing was published: readers keep the previous release. The failed task's message says what to do.
- `audit_landing`, `audit_marts`: a check of `expectations/` stopped the build; the message names it and what it found.
- `dbt_*`: the message has the failed models and tests; the whole log is in `$CRM_HOME/dbt/logs/`.
- "Another run has begun to build": two builds met; wait for the other one.

Afterwards trigger the DAG again. Every step writes whole files, so each can be repeated.
"""

from typing import Any

from airflow.sdk import DAG, AssetAny, get_current_context, task

from mining.registry import JOBS
from pipeline.base.settings import Settings, load_settings
from pipeline.orchestration.tasks import DEFAULT_ARGS, MODELS, RELEASE, START, build_step, landed, writing_step


@task.short_circuit
@writing_step
def check_inputs(settings: Settings) -> bool:
    """Plan the build and check the settings of its jobs; go on unless the published release has the same inputs."""
    from mining.jobs import check_options
    from pipeline.build.dbt import BEFORE_MINING, start_ahead
    from pipeline.build.owner import begin_build

    is_due = begin_build(settings, str(get_current_context()["run_id"]))
    if is_due:
        start_ahead(settings, *BEFORE_MINING)
        check_options(settings)
    return is_due


@task
@build_step
def audit_landing(settings: Settings) -> Any:
    """Stop the build when what landed differs from what was expected."""
    from pipeline.audit import gate

    return gate.audit_landing(settings)


@task
@build_step
def dbt_warehouse(settings: Settings) -> str:
    """Build and test all that mining reads: staging, intermediate, core and features."""
    from pipeline.build.dbt import BEFORE_MINING, run_layers

    return run_layers(settings, *BEFORE_MINING)


@task
@build_step
def dbt_marts(settings: Settings, scores: list[dict[str, Any]]) -> str:
    """Build and test the marts on the warehouse and the scores."""
    from pipeline.build.dbt import run_layers

    return run_layers(settings, "marts", scored=scores)


@task
@build_step
def export_features(settings: Settings) -> str:
    """Export the features as one file for mining."""
    from pipeline.build import features
    from pipeline.build.dbt import start_ahead

    start_ahead(settings, "marts")
    return features.export_features(settings)


@task
@build_step
def ensure_models(settings: Settings) -> Any:
    """Train on the day's own features where no model of the six days before settles it."""
    from mining import jobs
    from pipeline.build.plan import load_plan

    return jobs.train_models(settings, as_of=load_plan(settings).as_of, sources=settings.sources)


def score(job: str) -> Any:
    """Make the task that runs one mining job."""

    @task(task_id=f"score_{job}")
    @build_step
    def scored(settings: Settings) -> Any:
        from mining import jobs
        from pipeline.build.plan import load_plan

        return jobs.score(job, settings, as_of=load_plan(settings).as_of, sources=settings.sources)

    return scored()


@task
@build_step
def audit_marts(settings: Settings) -> Any:
    """Stop the build when a check of the marts fails."""
    from pipeline.audit import gate

    return gate.audit_marts(settings)


@task(outlets=[RELEASE])
@build_step
def publish(settings: Settings) -> str:
    """Copy the published tables into a release and replace the link to it."""
    from pipeline.serving.publish import publish

    return publish(settings)


with DAG(
    dag_id="build_customers",
    doc_md=__doc__,
    schedule=AssetAny(MODELS, *(landed(source) for source in load_settings().sources)),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["build", "tier-1"],
):
    scores = [score(job) for job in JOBS]
    marts = dbt_marts(scores)
    check_inputs() >> audit_landing() >> dbt_warehouse() >> export_features() >> ensure_models() >> scores
    marts >> audit_marts() >> publish()
