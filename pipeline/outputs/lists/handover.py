"""Hand a list over to a sending tool: its files are copied to a folder, here or on any file system that fsspec knows.

A connector to a tool of your own is a module like this one: take the files from `list_manifest`, which refuses a list
that may not be used any more, bring them to the tool, and write a line to the log. campaigns/README.md describes the
format.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.outputs.lists.export import MANIFEST_ENDS
from pipeline.outputs.lists.export_log import log_exports
from pipeline.outputs.lists.manifest import logged
from pipeline.outputs.lists.verify import list_manifest

PRIVATE = 0o600
UNFINISHED = ".part"


def hand_over(settings: Settings, name: str, address: str) -> list[str]:
    """Copy a list's CSV file and manifest to `<address>/<release>/`; return where they are.

    Each file has its name when it is whole, and the manifest comes last: a tool that waits for the manifest never reads
    half a list.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    name
        A campaign of the published release, or the path of a list's file.
    address
        A folder, or an address of fsspec such as `sftp://host/folder`. Credentials come from the environment, as the
        file system's own library reads them.

    Raises
    ------
    UserError
        The list may not be used any more, or the address cannot be written to.
    """
    folder, manifest = list_manifest(settings, name)
    shown = without_credentials(address)
    files = [folder / manifest["file"], folder / f"{manifest['list_name']}{MANIFEST_ENDS}"]
    try:
        system, root = fsspec.url_to_fs(address)
        target = f"{root.rstrip('/')}/{manifest['release_id']}"
        system.makedirs(target, exist_ok=True)
        for file in files:
            _copy(system, file, f"{target}/{file.name}")
    except ImportError as error:
        raise UserError(
            f"Writing to {shown} needs a package that is not installed ({error}). Install it into .venv, for example "
            "with .venv/bin/uv pip install paramiko."
        ) from error
    except Exception as error:  # each file system raises errors of its own
        raise UserError(
            f"{shown} cannot be written to ({type(error).__name__}). Are the address and the credentials right? The "
            "list was not handed over."
        ) from error
    log_exports(settings, [{**logged(manifest), "handed_over_to": shown}])
    return [f"{shown.rstrip('/')}/{manifest['release_id']}/{file.name}" for file in files]


def without_credentials(address: str) -> str:
    """Return an address as it may be shown and logged."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl() if parts.netloc else address


def _copy(system: Any, file: Path, target: str) -> None:
    system.put_file(str(file), target + UNFINISHED)
    if "file" in system.protocol:
        system.chmod(target + UNFINISHED, PRIVATE)
    system.mv(target + UNFINISHED, target)
