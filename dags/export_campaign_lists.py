"""
# export_campaign_lists

**Purpose.** Export the campaign lists of the published release for marketing, without customers who have said no since.

**Produces.** `$CRM_HOME/lists/`: one CSV per list for mailing tools, one workbook (xlsx) of the same rows for people,
and a manifest that says which release they came from, who is in and out, and why. Only their owner can read them. Runs
after each release, and after each landing, because consent is withdrawn while the gate stops the builds, too.

**If it fails.** The release stays published. The lists on disk are those of the export before, and contain customers
who have said no since: do not use them. The message names the cause. Correct it, then run `make lists` or trigger the
DAG again.
"""

from airflow.sdk import DAG, AssetAny, task

from pipeline.base.settings import Settings, load_settings
from pipeline.orchestration.tasks import DEFAULT_ARGS, RELEASE, START, landed, writing_step


@task
@writing_step
def export_lists(settings: Settings) -> list[str]:
    """Write the lists and their manifests; none before the first release."""
    from pipeline.build.owner import published
    from pipeline.outputs import lists

    return [str(path) for path in lists.export_lists(settings)] if published(settings) else []


with DAG(
    dag_id="export_campaign_lists",
    doc_md=__doc__,
    schedule=AssetAny(RELEASE, *(landed(source) for source in load_settings().sources)),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["marketing", "tier-2"],
):
    export_lists()
