"""Brings the files that were named to one place: archives are unpacked, several files are put side by side."""

import lzma
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.base.errors import UserError
from pipeline.base.numbers import counted

MOST_FILES = 1000
MOST_BYTES = 4 << 30
OFFICE = ("[Content_Types].xml", "mimetype")
"""What an archive has that is a workbook."""
OF_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


def gather(files: Sequence[str], scratch: Path) -> str:
    """Return the place of the files: the file or folder itself, or a folder in `scratch` that has all of them.

    Raises
    ------
    UserError
        A file is not there, or an archive cannot be unpacked.
    """
    paths = [Path(name).expanduser().absolute() for name in files]
    for path in paths:
        if not path.exists():
            raise UserError(f"There is no file or folder {path}. Correct the path.")
        if path.is_file() and not path.stat().st_size:
            raise UserError(f"{path} is empty. Export it again.")
    if len(paths) == 1 and not is_archive(paths[0]):
        return str(paths[0])
    folder = scratch / "files"
    folder.mkdir()
    for number, path in enumerate(paths, 1):
        if is_archive(path):
            _unpack(path, folder / path.stem if len(paths) > 1 else folder)
        elif path.is_dir():
            raise UserError(f"{path} is a folder among other files: name the folder alone, or files alone.")
        else:
            name = path.name if not (folder / path.name).exists() else f"{number}_{path.name}"
            _bring(path, folder / name)
    inside = [path for path in folder.rglob("*") if path.is_file()]
    return str(inside[0] if len(inside) == 1 else folder)


def _bring(path: Path, target: Path) -> None:
    """Put a file beside others: a second name of it, or a copy from another disk. Landing refuses symbolic links."""
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive, and no workbook."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not {*OFFICE} & {*archive.namelist()}


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir() and not _is_hidden(info.filename)]
        if not members:
            raise UserError(f"{path} has no files in it. Zip the files themselves.")
        if any(info.flag_bits & 1 for info in members):
            raise UserError(f"{path} is protected by a password: unpack it, and name the files.")
        size = sum(info.file_size for info in members)
        if len(members) > MOST_FILES or size > MOST_BYTES:
            raise UserError(
                f"{path} unpacks to {counted(len(members), 'file')} and {size / 2**30:.1f} GB, which is too much to "
                "look at: unpack it, and name the files of the orders."
            )
        try:
            for info in members:
                archive.extract(info, folder)
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise UserError(f"{path} cannot be unpacked ({error}). Copy it again, or unpack it yourself.") from error


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part in OF_SYSTEMS or part.startswith(".") for part in parts)
