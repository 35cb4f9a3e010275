"""
# export_campaign_lists

**Purpose.** Give marketing the campaign lists of the newest release.

**Produces.** `$CRM_HOME/lists/`: one CSV per list, readable by its owner only, and a manifest that says which release
it came from and who is in and out, and why. Runs after each release.

**If it fails.** The release is published and stays so; only the lists are those of the release before. The message
names the cause; trigger the DAG again when it is gone.
"""

from airflow.sdk import DAG, task

from dags.common import DEFAULT_ARGS, RELEASE, START, writing_step
from pipeline.settings import Settings


@task
@writing_step
def export_lists(settings: Settings) -> list[str]:
    """Write the lists and their manifests."""
    from pipeline import lists

    return [str(path) for path in lists.export_lists(settings)]


with DAG(
    dag_id="export_campaign_lists",
    doc_md=__doc__,
    schedule=[RELEASE],
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["marketing", "tier-2"],
):
    export_lists()
