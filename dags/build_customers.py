"""
# build_customers

**Purpose.** Turn what has landed into one audited customer warehouse with segments, lifetime values and churn scores.
Runs when an active source has landed or models have been trained, and skips itself when nothing has changed.

**Produces.** `$CRM_HOME/serving/releases/<release_id>/` and the link `serving/current` (`perennial.duckdb`,
`contacts.duckdb`, `parquet/`). Emits the asset `perennial://serving/release`.

**If it fails.** Nothing was published: readers keep the previous release. The failed task's message says what to do.
- `audit_landing`, `audit_marts`: a check of `expectations/` stopped the build; the message names it and what it saw.
- `dbt_*`: the message has the failed models and tests; the whole log is `$CRM_HOME/dbt/logs/<layer>.log`.
- "Another run has begun to build": two builds met; wait for the other one.

Afterwards trigger the DAG again. Every step writes whole files, so each can be repeated.
"""

from typing import Any

from airflow.sdk import DAG, AssetAny, get_current_context, task

from dags.common import DEFAULT_ARGS, MODELS, RELEASE, START, build_step, landed, writing_step
from pipeline.settings import Settings, load_settings


@task.short_circuit
@writing_step
def check_inputs(settings: Settings) -> bool:
    """Plan the build; go on unless the published release has the same inputs."""
    from pipeline.build import begin_build

    return begin_build(settings, str(get_current_context()["run_id"]))


@task
@build_step
def audit_landing(settings: Settings) -> Any:
    """Stop the build when what landed is not what was expected."""
    from pipeline import audit

    return audit.audit_landing(settings)


def dbt_layer(layer: str) -> Any:
    """Make the task that builds and tests one dbt layer."""

    @task(task_id=f"dbt_{layer}")
    @build_step
    def dbt(settings: Settings) -> str:
        from pipeline.dbt import run_layer

        return run_layer(settings, layer)

    return dbt()


@task
@build_step
def dbt_marts(settings: Settings, scores: list[dict[str, Any]]) -> str:
    """Build and test the marts on the warehouse and the scores."""
    from pipeline.dbt import run_layer

    return run_layer(settings, "marts", scores)


@task
@build_step
def export_features(settings: Settings) -> str:
    """Hand the features to mining as one file."""
    from pipeline import features

    return features.export_features(settings)


@task
@build_step
def ensure_models(settings: Settings) -> Any:
    """Train on the day's own features where no published model of the six days before scores it."""
    from mining import jobs
    from pipeline.plan import load_plan

    return jobs.train_models(settings, as_of=load_plan(settings).as_of, sources=settings.sources)


@task
@build_step
def score_segments(settings: Settings) -> Any:
    """RFM scores, tiers, lifecycle and segments of every customer."""
    from mining import jobs
    from pipeline.plan import load_plan

    return jobs.score_segments(settings, as_of=load_plan(settings).as_of)


@task
@build_step
def score_clv(settings: Settings) -> Any:
    """Expected purchases and future value of every customer."""
    from mining import jobs
    from pipeline.plan import load_plan

    return jobs.score_clv(settings, as_of=load_plan(settings).as_of, sources=settings.sources)


@task
@build_step
def score_churn(settings: Settings) -> Any:
    """Probability to buy nothing within the horizon, for every customer."""
    from mining import jobs
    from pipeline.plan import load_plan

    return jobs.score_churn(settings, as_of=load_plan(settings).as_of, sources=settings.sources)


@task
@build_step
def audit_marts(settings: Settings) -> Any:
    """Stop the build when the marts are not what readers rely on."""
    from pipeline import audit

    return audit.audit_marts(settings)


@task(outlets=[RELEASE])
@build_step
def publish(settings: Settings) -> str:
    """Copy what readers may see into a release and replace the link to it."""
    from pipeline.publish import publish

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
    layers = {layer: dbt_layer(layer) for layer in ("staging", "intermediate", "core", "features")}
    scores = [score_segments(), score_clv(), score_churn()]
    marts = dbt_marts(scores)
    check_inputs() >> audit_landing() >> layers["staging"] >> layers["intermediate"] >> layers["core"]
    layers["core"] >> layers["features"] >> export_features() >> ensure_models() >> scores
    marts >> audit_marts() >> publish()
