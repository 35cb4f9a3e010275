"""Export: every campaign list of the published release, as files for their owner alone."""

import json
from datetime import date
from pathlib import Path

from pipeline import erasure
from pipeline.errors import UserError
from pipeline.files import DamagedError, private_folder, read_json, sha256_of_file, write_private
from pipeline.lists.cells import csv_content, shown
from pipeline.lists.manifest import describe
from pipeline.lists.members import COLUMNS, judge, members
from pipeline.lists.permissions import landed_permissions, plan_of_landing
from pipeline.lists.workbook import workbook_content
from pipeline.releases import CONTACTS, DATABASE, attach_read_only, current_release, read_manifest
from pipeline.scratch import working_connection
from pipeline.settings import Settings
from pipeline.shapes import Shape, Text


class FileShape(Shape):
    """A file of a list, as its manifest has it."""

    file: Text
    sha256: Text


class ListShape(FileShape):
    """The manifest of a list."""

    landing: Text
    workbook: FileShape


def export_lists(settings: Settings) -> list[Path]:
    """Write every campaign list of the published release; return the paths of the CSV files.

    Beside each stand a workbook of the same rows and a manifest. Nothing is written where the lists are there and
    nothing has landed since.

    Raises
    ------
    UserError
        Nothing has been published yet, personal data have been erased since, or it is unknown who has said no since.
    """
    folder = current_release(settings)
    manifest = read_manifest(folder)
    if erasure.is_behind(manifest, erasure.erased(settings)):
        raise UserError(
            f"Personal data have been erased since release {folder.name} was built, and it still has them. No list was "
            "written: build first (`make run`)."
        )
    target = private_folder(settings.lists / manifest["release_id"])
    plan = plan_of_landing(settings, folder)
    if paths := written_before(target, plan.release_id):
        return paths
    with (
        working_connection(settings.home) as connection,
        landed_permissions(settings, plan, folder, connection) as permissions,
    ):
        attach_read_only(connection, folder / DATABASE, "release")
        attach_read_only(connection, folder / CONTACTS, "contacts_file")
        judge(connection, has_consents=permissions.has_consents)
        names = connection.execute(
            "select distinct list_name from release.marts.campaign_audience order by 1"
        ).fetchall()
        for (name,) in names:
            rows = shown(members(connection, name))
            as_of = date.fromisoformat(manifest["as_of_date"])
            content = {"csv": csv_content(rows), "xlsx": workbook_content(COLUMNS, rows, as_of)}
            for suffix, each in content.items():
                write_private(target / f"{name}.{suffix}", each)
            described = {
                "landing": plan.release_id,
                **describe(connection, name, rows, release=manifest, content=content, permissions=permissions),
            }
            text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
            write_private(target / f"{name}.manifest.json", text.encode())
            paths.append(target / f"{name}.csv")
    return paths


def written_before(folder: Path, landing: str) -> list[Path]:
    """Return the lists of a folder that are whole and were written from this landing; none where one is not."""
    paths = []
    for path in sorted(folder.glob("*.manifest.json")):
        try:
            described = read_json(path, "", ListShape)
            parts = (described, described["workbook"])
            is_whole = all(sha256_of_file(folder / part["file"]) == part["sha256"] for part in parts)
        except (DamagedError, OSError):  # it is written again
            return []
        if described["landing"] != landing or not is_whole:
            return []
        paths.append(folder / described["file"])
    return paths
