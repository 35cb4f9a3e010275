"""The Makefile in a folder of its own, with a command that only says what it was asked for."""

import os
import shutil
from pathlib import Path

from pipeline.base.settings import ROOT


def makefile_folder(folder: Path, script: str) -> Path:
    """Make a folder with the Makefile, an environment that is ready, and a shell script as its `perennial`."""
    command = folder / ".venv" / "bin" / "perennial"
    command.parent.mkdir(parents=True)
    command.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    command.chmod(0o755)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
        os.utime(folder / name, (1, 1))
    (folder / ".venv" / ".ready").touch()
    shutil.copy(ROOT / "Makefile", folder)
    return folder
