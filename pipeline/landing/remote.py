"""Files of a remote file system (s3://, gs://, sftp://, …), through fsspec: copied once, again when they change."""

from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from pipeline.base.errors import UserError
from pipeline.base.files import atomic_path, private_folder, remove, sha256_of, write_text

# What file systems call a file's version; each has some of them.
VERSION_KEYS = (
    *("size", "ETag", "etag", "md5", "md5Hash", "checksum"),
    *("mtime", "created", "LastModified", "last_modified", "updated"),
)


def fetched(address: str, pattern: str | None, folder: Path, label: str) -> list[Path]:
    """Copy the files at an address into a folder, and return their paths in name order; none where there are none.

    Parameters
    ----------
    address
        Folder, or the file itself where there is no `pattern`.
    pattern
        Path or glob below the address.
    folder
        Where the copies stay: a file with the same name and version is not fetched again.
    label
        How messages name the table.

    Raises
    ------
    UserError
        The file system is not known here, or cannot be read.
    """
    try:
        system, root = fsspec.url_to_fs(address)
        system.invalidate_cache()
        names = sorted(system.glob(f"{root.rstrip('/')}/{pattern}")) if pattern else [root]
        found = [system.info(name) for name in names]
        files = [info for info in found if info["type"] == "file"]
        return [_fetch(system, info, folder / _below(info["name"], root, label)) for info in files]
    except FileNotFoundError:
        return []
    except ImportError as error:
        raise UserError(
            f"{label}: reading {address} needs a package that is not installed ({error}). "
            "Install it into .venv, for example with .venv/bin/uv pip install s3fs."
        ) from error
    except UserError:
        raise
    except Exception as error:  # each file system raises errors of its own
        raise UserError(
            f"{label}: {address} cannot be read ({type(error).__name__}: {error}). Are the address and the credentials "
            "right? These come from the environment, as the file system's own library reads them."
        ) from error


def _below(name: str, root: str, label: str) -> Path:
    """Path of a file below the address; a name that leads out of it is refused."""
    inside = PurePosixPath(name.removeprefix(root).lstrip("/") or PurePosixPath(name).name)
    if inside.is_absolute() or ".." in inside.parts:
        raise UserError(f"{label}: the file '{name}' leads out of its folder. Rename it there.")
    return Path(inside)


def _fetch(system: Any, info: dict[str, Any], target: Path) -> Path:
    version = sha256_of({key: str(info[key]) for key in VERSION_KEYS if key in info})
    stamp = target.with_name(f".{target.name}.version")
    private_folder(target.parent)
    if not (target.is_file() and stamp.is_file() and stamp.read_bytes() == version.encode()):
        remove(stamp)
        with atomic_path(target) as temporary:
            system.get_file(info["name"], str(temporary))
        write_text(stamp, version)
    return target
