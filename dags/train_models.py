"""
# train_models

**Purpose.** Retrain the lifetime value and churn models on the newest features every Sunday, and compare them out of
time with their baselines.

**Produces.** `$CRM_HOME/models/<job>/<model_version>.json`. A model that does not beat its baseline is kept with its
metrics and is not published. Emits the asset `perennial://mining/models`, on which `build_customers` runs. A date that
is published keeps its model, so that run finds nothing changed. The first build of a later as-of date scores with the
new model, if it was published, for up to six days.

**If it fails.** The last published models stay in use, so nothing else stops. The message names what the data lack.
Before the first build there are no features, and the run is skipped.
"""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, task

from pipeline.base.settings import Settings
from pipeline.orchestration.tasks import DEFAULT_ARGS, MODELS, START, writing_step


@task(outlets=[MODELS])
@writing_step
def train(settings: Settings) -> Any:
    """Train on the features of the last build."""
    from airflow.sdk.exceptions import AirflowSkipException

    from mining import jobs
    from pipeline.build.owner import published

    release = published(settings)
    if release is None:
        raise AirflowSkipException("Nothing is published yet: the first build trains the first models.")
    as_of = dt.date.fromisoformat(release["as_of_date"])
    return jobs.train_models(settings, as_of=as_of, sources=release["sources"], force=True)


with DAG(
    dag_id="train_models",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 5 * * 0", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["mining", "tier-2"],
):
    train()
