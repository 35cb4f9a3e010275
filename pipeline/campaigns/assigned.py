"""Who was assigned to which arm of an exported list, as later builds read it: `landing/_arms/<release>.parquet`.

A sending tool returns whom it wrote to. Who was held back is known here alone, so an export writes both arms, by
customer_id. A source that gives the id of a list back as its campaign_id says that the list was used, and the build
counts both arms (`int_campaign_assignments`). An assignment begins on the day after its release's as-of date, so a
build reads those of earlier as-of dates only, and an export changes no build of its own day.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.base.files import private_folder, write_parquet
from pipeline.base.settings import Settings
from pipeline.campaigns.definitions import Campaign

FOLDER = "_arms"
SCHEMA = pa.schema(
    {
        "list_name": pa.string(),
        "list_id": pa.string(),
        "customer_id": pa.string(),
        "arm": pa.string(),
        "objective": pa.string(),
        "channel": pa.string(),
        "offer": pa.string(),
        "unit_cost": pa.decimal128(18, 4),
        "control_share": pa.decimal128(18, 4),
        "horizon_days": pa.int32(),
        "as_of_date": pa.date32(),
    }
)
OF_LISTS = pa.schema([field for field in SCHEMA if field.name not in ("customer_id", "arm")])
CHANNELS = {"email": "email", "post": "mail", "call": "phone", "text": "sms"}
"""Channels of a campaign in the words of the input contract."""
ARMS = """
    select audience.list_name, lists.list_id, audience.customer_id, audience.arm, lists.* exclude (list_name, list_id)
    from release.marts.campaign_audience as audience
    inner join lists using (list_name)
    where audience.arm is not null
    order by audience.list_name, audience.customer_id
"""


def list_id(name: str, as_of: date) -> str:
    """Return what a list is called by whoever gives back what became of it: campaign and as-of date."""
    return f"{name}-{as_of}"


def write_arms(
    settings: Settings, connection: duckdb.DuckDBPyConnection, campaigns: Iterable[Campaign], release_id: str
) -> None:
    """Write both arms of the lists of a release, unless they are written.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    connection
        With the database `release`.
    campaigns
        Those whose lists are exported.
    release_id
        Of the release; it begins with the as-of date.
    """
    path = settings.landing / FOLDER / f"{release_id}.parquet"
    if path.is_file():
        return
    as_of = date.fromisoformat(release_id[:10])
    lists = pa.Table.from_pylist([_terms(campaign, as_of) for campaign in campaigns], OF_LISTS)
    connection.register("lists", lists)
    arms: pa.Table = connection.sql(ARMS).to_arrow_table().cast(SCHEMA)
    connection.unregister("lists")
    if arms.num_rows:
        private_folder(path.parent)
        write_parquet(path, arms)
        path.chmod(0o600)


def _terms(campaign: Campaign, as_of: date) -> dict[str, object]:
    return {
        "list_name": campaign.name,
        "list_id": list_id(campaign.name, as_of),
        "objective": campaign.objective,
        "channel": CHANNELS[campaign.channels[0]],
        "offer": campaign.offer,
        "unit_cost": campaign.unit_cost and campaign.unit_cost.amount,
        # The shares of strata make no one share that an arm could be compared with.
        "control_share": None if campaign.strata else campaign.held_share,
        "horizon_days": campaign.horizon_days,
        "as_of_date": as_of,
    }


def arm_files(settings: Settings, before: date) -> list[Path]:
    """Return the files of releases whose as-of date is before a day, by name."""
    files = (settings.landing / FOLDER).glob("[!.]*.parquet")
    return sorted(path for path in files if path.name[:10] < before.isoformat())


def write_no_arms(path: Path) -> None:
    """Write a file without rows: what a build reads where nothing was exported."""
    write_parquet(path, SCHEMA.empty_table())
