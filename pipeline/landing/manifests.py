"""The files that a manifest lists: each is there, within the location of its source, and copied from an address."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.base.errors import UserError
from pipeline.landing.remote import fetched


@dataclass(frozen=True)
class Place:
    """Where the files of a source are.

    Attributes
    ----------
    folder
        The folder of its location, or of the copies of a remote one.
    address
        The address of a remote location; None for a local one.
    label
        How messages name the table.
    """

    folder: Path
    address: str | None
    label: str


def parts_of(manifest: Path, listed_files: Callable[[Path], list[str]], place: Place) -> list[Path]:
    """Return the files that a manifest lists, in its order.

    Parameters
    ----------
    listed_files
        Reads their names from it: paths beside the manifest, or addresses.

    Raises
    ------
    UserError
        A file is not there, is empty, or lies outside the location.
    """
    try:
        names = listed_files(manifest)
    except UserError as error:
        raise UserError(f"{place.label}: {error}") from error
    parts = []
    for name in names:
        inside = _inside(name, manifest, place)
        if place.address is None:
            path = place.folder / inside
            found = [path] if path.is_file() else []
            if not path.resolve().is_relative_to(place.folder.resolve()):
                raise _outside(name, manifest, place)
        else:
            folder = place.folder / inside.parent
            found = fetched(f"{place.address.rstrip('/')}/{inside}", None, folder, place.label)
        if not found or not found[0].stat().st_size:
            what = "is empty (0 bytes)" if found else "is not there"
            raise UserError(
                f"{place.label}: {manifest.name} lists {name}, which {what}. Run again when the export is complete."
            )
        parts += found
    return parts


def _inside(name: str, manifest: Path, place: Place) -> PurePosixPath:
    """Path of a listed file below the location of its source."""
    if "://" not in name:
        inside = PurePosixPath(manifest.parent.relative_to(place.folder), name)
    elif place.address and name.startswith(f"{place.address.rstrip('/')}/"):
        inside = PurePosixPath(name.removeprefix(place.address).lstrip("/"))
    else:
        raise _outside(name, manifest, place)
    if inside.is_absolute() or ".." in inside.parts:
        raise _outside(name, manifest, place)
    return inside


def _outside(name: str, manifest: Path, place: Place) -> UserError:
    return UserError(
        f"{place.label}: {manifest.name} lists {name}, which lies outside {place.address or place.folder}. "
        "Correct `location`, or put the file there."
    )
