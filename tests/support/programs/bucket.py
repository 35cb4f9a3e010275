"""An object store in a folder, as fsspec knows them: `bucket://name`, with no rename, no links and no partial objects.

`$BUCKET_FOLDER` holds the objects. `Bucket.before_write` is called with the path before each write and removal, and may
raise; in a process of its own, `$BUCKET_KILL` is the number of the one before which that process is killed.
"""

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from fsspec.spec import AbstractFileSystem

NAME = "bucket"
_writes = itertools.count(1)


def _kill(key: str) -> None:
    if str(next(_writes)) == os.environ.get("BUCKET_KILL"):
        os.kill(os.getpid(), signal.SIGKILL)


class Bucket(AbstractFileSystem):  # type: ignore[misc]
    """The objects of all buckets."""

    protocol = NAME
    cachable = False
    before_write: Callable[[str], None] = staticmethod(_kill)
    fetched: ClassVar[list[str]] = []

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        target = self._file(path)
        type(self).before_write(self._strip_protocol(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._root(), prefix=".part-", delete=False) as part:
            part.write(value)
        try:
            if mode == "create":
                os.link(part.name, target)
            else:
                Path(part.name).rename(target)
        finally:
            Path(part.name).unlink(missing_ok=True)

    def put_file(self, lpath: str, rpath: str, callback: object = None, mode: str = "overwrite", **_: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes(), mode=mode)

    def cat_file(self, path: str, start: object = None, end: object = None, **_: Any) -> bytes:
        type(self).fetched.append(self._strip_protocol(path))
        return self._file(path).read_bytes()

    def get_file(self, rpath: str, lpath: str, *_: Any, **__: Any) -> None:
        type(self).fetched.append(self._strip_protocol(rpath))
        shutil.copyfile(self._file(rpath), lpath)

    def find(self, path: str, *_: Any, **__: Any) -> list[str]:
        place = self._file(path)
        found = [place] if place.is_file() else [each for each in place.rglob("[!.]*") if each.is_file()]
        return [each.relative_to(self._root()).as_posix() for each in found]

    def rm_file(self, path: str) -> None:
        type(self).before_write(self._strip_protocol(path))
        self._file(path).unlink()

    def _root(self) -> Path:
        return Path(os.environ["BUCKET_FOLDER"])

    def _file(self, path: str) -> Path:
        return self._root() / self._strip_protocol(path)


def install(folder: Path) -> Path:
    """Write what lets fsspec find this file system in another process whose PYTHONPATH has the folder."""
    described = folder / "bucket-1.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: bucket\nVersion: 1\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(
        f"[fsspec.specs]\n{NAME} = tests.support.programs.bucket.Bucket\n", encoding="utf-8"
    )
    return folder
