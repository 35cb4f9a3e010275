"""
# export_campaign_lists

**Purpose.** Give marketing the campaign lists of the published release, without anybody who has said no since.

**Produces.** `$CRM_HOME/lists/`: one CSV per list for mailing tools, one workbook (xlsx) of the same rows for people,
and a manifest that says which release they came from and who is in and out, and why. Readable by their owner only. Runs
after each release, and after each landing: while the gate stops the builds, people go on withdrawing their consent.

**If it fails.** The release is published and stays so; the lists on disk are those of the export before, and whoever
has said no since is in them: do not use them. The message names the cause; `make lists`, or trigger the DAG again, when
it is gone.
"""

from airflow.sdk import DAG, AssetAny, task

from dags.common import DEFAULT_ARGS, RELEASE, START, landed, writing_step
from pipeline.settings import Settings, load_settings


@task
@writing_step
def export_lists(settings: Settings) -> list[str]:
    """Write the lists and their manifests; none before the first release."""
    from pipeline import lists
    from pipeline.build import published

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
