"""
# train_models

**Purpose.** Retrain the lifetime value and churn models on the newest features every Sunday, and compare them out of
time with their baselines. Four times a year, also retrain the model that finds the records of one customer.

**Produces.** `$CRM_HOME/models/<job>/<model_version>.json`. A model that does not beat its baseline is kept with its
metrics and is not published. Emits the asset `perennial://mining/models`, on which `build_customers` runs. A date that
is published keeps its model, so that run finds nothing changed. The first build of a later as-of date scores with the
new model, if it was published, for up to six days; the model of identity for up to 90.

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
    from mining.identity import model as identity
    from pipeline.build.identity import identity_model, party_records
    from pipeline.build.owner import published

    release = published(settings)
    if release is None:
        raise AirflowSkipException("Nothing is published yet: the first build trains the first models.")
    as_of, sources = dt.date.fromisoformat(release["as_of_date"]), release["sources"]
    trained = jobs.train_models(settings, as_of=as_of, sources=sources, force=True)
    records = party_records(settings, release["as_of_date"])
    given = identity.Given(**identity_model(settings, sources))
    next_model = identity.train_next(given, as_of, records) if records is not None else None
    return {**trained, "identity": next_model} if next_model else trained


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
