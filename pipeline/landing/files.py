"""Which files of a source belong to a table."""

from pathlib import Path

from pipeline.errors import UserError
from pipeline.settings import Settings
from pipeline.sources import Source, Table, location_of, next_step


def find_files(source: Source, name: str, table: Table, settings: Settings) -> list[Path]:
    """Existing source files of a table, in name order.

    Raises
    ------
    UserError
        There is none, one lies outside the location (a link), or all are empty.
    """
    location = location_of(source, settings)
    label = f"{source.name}.{name}"
    if table.file is None:
        found = [location] if location.is_file() else []
        wanted = location
    else:
        found = sorted(path for path in location.glob(table.file) if path.is_file() and not path.name.startswith("."))
        wanted = location / table.file
    if not found:
        raise UserError(f"{label}: there is no file {wanted}.{next_step(source)}")
    for path in found:
        if table.file is not None and not path.resolve().is_relative_to(location.resolve()):
            raise UserError(f"{label}: {path} is a link out of {location}. Copy the file there instead.")
        if path.stat().st_size == 0:
            raise UserError(f"{label}: {path} is empty (0 bytes).{next_step(source) or ' Copy it again.'}")
    return found
