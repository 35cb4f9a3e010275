"""Which files of a source belong to a table, and which of them are new."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.base.errors import UserError
from pipeline.base.files import sha256_of_file
from pipeline.base.settings import Settings
from pipeline.landing.manifests import Place, parts_of
from pipeline.landing.readers import READERS
from pipeline.landing.receipts import Receipt
from pipeline.landing.remote import fetched
from pipeline.sources.definitions import Source, Table, location_of, location_text, next_step


def find_files(source: Source, name: str, table: Table, settings: Settings) -> list[Path]:
    """Existing source files of a table, in name order; or the files that they list, where they are manifests.

    Raises
    ------
    UserError
        There is no file, one lies outside the location, or one is empty.
    """
    label = f"{source.name}.{name}"
    address = location_text(source, settings)
    if "://" in address:
        folder = settings.build / "remote" / source.name
        wanted = f"{address}/{table.file}" if table.file else address
        found = _not_empty(fetched(address, table.file, folder, label), wanted, source, label)
    else:
        folder = location_of(source, settings)
        found = _local_files(folder, source, label, table)
    listed_files = READERS[table.reader].listed_files
    if listed_files is None:
        return found
    if table.file is None:
        address = address.rpartition("/")[0]
        folder = found[0].parent
    place = Place(folder, address if "://" in address else None, label)
    return [part for manifest in found for part in parts_of(manifest, listed_files, place)]


def _local_files(location: Path, source: Source, label: str, table: Table) -> list[Path]:
    if table.file is None:
        found = [location] if location.is_file() else []
        wanted = location
    else:
        found = sorted(path for path in location.glob(table.file) if path.is_file() and not path.name.startswith("."))
        wanted = location / table.file
    _not_empty(found, str(wanted), source, label)
    real_folder = cache(Path.resolve)  # a folder may hold thousands of files
    for path in found:
        real = path.resolve() if path.is_symlink() else real_folder(path.parent) / path.name
        if table.file is not None and not real.is_relative_to(real_folder(location)):
            raise UserError(f"{label}: {path} is a link out of {location}. Copy the file there instead.")
    return found


def _not_empty(found: list[Path], wanted: str, source: Source, label: str) -> list[Path]:
    if not found:
        raise UserError(f"{label}: there is no file {wanted}.{next_step(source)}")
    for path in found:
        if path.stat().st_size == 0:
            raise UserError(f"{label}: {path} is empty (0 bytes).{next_step(source) or ' Copy it again.'}")
    return found


def fingerprint(path: Path) -> dict[str, Any]:
    """What a receipt says of a source file."""
    return {"name": path.name, "sha256": sha256_of_file(path), "bytes": path.stat().st_size}


def not_landed_yet(files: Sequence[Path], earlier: Iterable[Receipt]) -> list[tuple[Path, dict[str, Any]]]:
    """Leave out files whose content has been landed, under whatever name; return the others with their fingerprints."""
    seen = {file["sha256"] for receipt in earlier for file in receipt["source_files"]}
    new: dict[str, tuple[Path, dict[str, Any]]] = {}
    for path in files:
        file = fingerprint(path)
        if file["sha256"] not in seen:
            new.setdefault(file["sha256"], (path, file))
    return list(new.values())
