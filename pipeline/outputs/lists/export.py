"""Export every campaign list of the published release, as files that only their owner can read."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, private_folder, read_json, sha256_of_file, write_private
from pipeline.base.scratch import working_connection
from pipeline.base.settings import Settings
from pipeline.base.shapes import Shape, Text
from pipeline.campaigns import read_campaigns
from pipeline.campaigns.assigned import write_arms
from pipeline.outputs.lists.export_log import log_exports, read_log
from pipeline.outputs.lists.files.cells import csv_content, shown
from pipeline.outputs.lists.files.workbook import workbook_content
from pipeline.outputs.lists.manifest import describe, logged
from pipeline.outputs.lists.members import columns_of, judge, members
from pipeline.outputs.lists.permissions import landed_permissions, plan_of_landing
from pipeline.serving import erasure
from pipeline.serving.releases import CONTACTS, DATABASE, attach_read_only, current_release, read_manifest

MANIFEST_ENDS = ".manifest.json"


class FileShape(Shape):
    """A file of a list, as in its manifest."""

    file: Text
    sha256: Text


class ListShape(FileShape):
    """The manifest of a list."""

    list_name: Text
    release_id: Text
    landing: Text
    expires_at: Text
    workbook: FileShape


def export_lists(settings: Settings) -> list[Path]:
    """Write every campaign list of the published release; return the paths of the CSV files.

    Each CSV has a workbook of the same rows and a manifest beside it, and a line in the log of exports. Nothing is
    written if the lists exist, have not expired, and nothing has landed since.

    Raises
    ------
    UserError
        Nothing is published, personal data have been erased since, it is unknown who has said no since, or the log of
        exports was changed.
    """
    folder = current_release(settings)
    manifest = read_manifest(folder)
    if erasure.is_behind(manifest, erasure.erased(settings)):
        raise UserError(
            f"Personal data have been erased since release {folder.name} was built, and it still has them. No list was "
            "written: build first (`make run`)."
        )
    target = private_folder(settings.lists / manifest["release_id"])
    read_log(settings)
    as_of, campaigns = date.fromisoformat(manifest["as_of_date"]), read_campaigns()
    # The file of a campaign may have changed since the release was built.
    active = {name: campaign for name, campaign in campaigns.items() if campaign.is_active(as_of)}
    with working_connection(settings.home) as connection:
        attach_read_only(connection, folder / DATABASE, "release")
        write_arms(settings, connection, active.values(), manifest["release_id"])
    plan = plan_of_landing(settings, folder)
    if paths := written_before(target, plan.release_id):
        return paths
    with (
        working_connection(settings.home) as connection,
        landed_permissions(settings, plan, folder, connection) as permissions,
    ):
        attach_read_only(connection, folder / DATABASE, "release")
        attach_read_only(connection, folder / CONTACTS, "contacts_file")
        ((currency,),) = connection.execute("select max(currency) from release.marts.release").fetchall()
        judge(connection, campaigns.values(), has_consents=permissions.has_consents)
        names = connection.execute(
            "select distinct list_name from release.marts.campaign_audience order by 1"
        ).fetchall()
        for name, campaign in ((name, active[name]) for (name,) in names if name in active):
            columns = columns_of(campaign)
            rows = shown(columns, members(connection, campaign), currency)
            content = {"csv": csv_content(columns, rows), "xlsx": workbook_content(columns, rows, as_of, currency)}
            for suffix, each in content.items():
                write_private(target / f"{name}.{suffix}", each)
            described = {
                "landing": plan.release_id,
                **describe(connection, campaign, rows, release=manifest, content=content, permissions=permissions),
            }
            log_exports(settings, [logged(described)])
            text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
            write_private(target / f"{name}{MANIFEST_ENDS}", text.encode())
            paths.append(target / f"{name}.csv")
    return paths


def written_before(folder: Path, landing: str) -> list[Path]:
    """Return the lists of a folder if all are whole, have not expired and were written from this landing, else none."""
    paths, now = [], datetime.now(UTC)
    for path in sorted(folder.glob(f"*{MANIFEST_ENDS}")):
        try:
            described = read_json(path, "", ListShape)
            parts = (described, described["workbook"])
            is_whole = all(sha256_of_file(folder / part["file"]) == part["sha256"] for part in parts)
            is_valid = now < datetime.fromisoformat(described["expires_at"])
        except (DamagedError, OSError, ValueError, TypeError):  # the list is written again
            return []
        if described["landing"] != landing or not is_whole or not is_valid:
            return []
        paths.append(folder / described["file"])
    return paths
