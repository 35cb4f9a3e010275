"""The objects at an address, through fsspec: whole or absent, written over or written where nothing is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.base.files import atomic_path

LARGE = 32 * 2**20
"""Bytes from which a file is sent in parts, and not from memory."""
DIGITS = 9


class Store:
    """The objects at an address; keys are paths below it.

    Raises
    ------
    UserError
        No file system has this protocol, its package is missing, or it cannot be reached.
    """

    def __init__(self, address: str) -> None:
        from fsspec import url_to_fs  # noqa: PLC0415 - takes longer than all else that a home in a folder needs

        self.address = address
        protocol = address.partition("://")[0]
        if not _creates(_file_system(protocol, address)):
            raise UserError(
                f"CRM_HOME is '{address}': '{protocol}' cannot write a file on condition that it is not there, which "
                "keeps two runs apart. Use s3, gs or abfs, or mount it and set CRM_HOME to a folder (docs/scale.md)."
            )
        with self._answers("reached"):
            self._system, root = url_to_fs(address)
        self._root = root.rstrip("/")

    def create(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one; return whether it now has this content.

        A store that answers too late is asked again by its library, and then finds our own object.
        """
        with self._answers("written to"):
            try:
                self._system.pipe_file(self._path(key), content, mode="create")
            except OSError:  # "it is there" has a code of its own in each store
                found = self.read(key)
                if found is None:
                    raise
                return found == content
        return True

    def put(self, key: str, content: bytes) -> None:
        """Write an object, over one that is there."""
        with self._answers("written to"):
            self._system.pipe_file(self._path(key), content)

    def send(self, path: Path, key: str, *, is_new: bool) -> bool:
        """Copy a file to an object; where that must be new and is not, return False."""
        if path.stat().st_size < LARGE:
            content = path.read_bytes()
            if is_new:
                return self.create(key, content)
            self.put(key, content)
            return True
        with self._answers("written to"):
            try:
                self._system.put_file(str(path), self._path(key), mode="create" if is_new else "overwrite")
            except OSError:
                if is_new and key in self.keys(key):
                    return False
                raise
        return True

    def read(self, key: str) -> bytes | None:
        """Return an object's content; None where there is none."""
        with self._answers("read"):
            try:
                return bytes(self._system.cat_file(self._path(key)))
            except FileNotFoundError:
                return None

    def fetch(self, key: str, target: Path, *, mode: int) -> None:
        """Copy an object to a file.

        Raises
        ------
        FileNotFoundError
            There is none.
        """
        with self._answers("read"), atomic_path(target) as temporary:
            temporary.unlink(missing_ok=True)
            temporary.touch(mode=0o600)
            self._system.get_file(self._path(key), str(temporary))
            temporary.chmod(mode)

    def keys(self, folder: str = "") -> list[str]:
        """Return the keys of all objects in a folder and below, or of one object, in order."""
        with self._answers("read"):
            self._system.invalidate_cache()
            try:
                found = self._system.find(self._path(folder).rstrip("/"))
            except FileNotFoundError:
                return []
        return sorted(name.removeprefix(self._root).lstrip("/") for name in found)

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        with self._answers("written to"):
            try:
                self._system.rm_file(self._path(key))
            except FileNotFoundError:
                return

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    @contextmanager
    def _answers(self, done: str) -> Iterator[None]:
        try:
            yield
        except (UserError, FileNotFoundError) as error:
            if isinstance(error, FileNotFoundError) and done != "read":
                raise self._error(done, error) from error
            raise
        except Exception as error:  # each file system raises errors of its own
            raise self._error(done, error) from error

    def _error(self, done: str, error: Exception) -> UserError:
        first = next(iter(str(error).strip().splitlines()), "")
        reason = re.sub(r"(?<=://)[^/@\s]*@|\?[^\s\"']*", "", first)[:200].rstrip(". ")
        return UserError(
            f"{self.address} cannot be {done} ({type(error).__name__}{': ' * bool(reason)}{reason}). Are the address "
            "and the credentials right? These come from the environment, as the file system's own library reads them."
        )


def _file_system(protocol: str, address: str) -> type:
    """Return the class of a protocol, or say which package it lacks."""
    from fsspec import get_filesystem_class  # noqa: PLC0415 - as above
    from fsspec.registry import known_implementations  # noqa: PLC0415 - as above

    try:
        return get_filesystem_class(protocol)
    except ValueError as error:
        raise UserError(
            f"CRM_HOME is '{address}': no file system is called '{protocol}'. Set it to a folder, or to an address "
            "such as s3://bucket/crm (docs/scale.md)."
        ) from error
    except ImportError as error:
        package = known_implementations[protocol]["class"].partition(".")[0]
        what = f"the package {package}" if package != "fsspec" else f"a package ({error})"
        command = f", with .venv/bin/uv pip install -c requirements.lock {package}" if package != "fsspec" else ""
        raise UserError(
            f"CRM_HOME is '{address}': its file system needs {what}, which is not installed. Install it{command} "
            "(docs/scale.md)."
        ) from error


def _creates(system: type) -> bool:
    """Whether a file system writes on condition itself. That of fsspec's base looks first and writes then."""
    from fsspec.asyn import AsyncFileSystem  # noqa: PLC0415 - as above
    from fsspec.spec import AbstractFileSystem  # noqa: PLC0415 - as above

    method = getattr(system, "_pipe_file", None) or getattr(system, "pipe_file", None)
    return method not in (AsyncFileSystem._pipe_file, AbstractFileSystem.pipe_file)


class Series:
    """Numbered objects of which the newest one holds. A number is given once: this is what decides who comes first."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store, self._folder = store, folder

    def numbers(self) -> list[int]:
        """The numbers that are there, ascending."""
        stems = (Path(key).name.removesuffix(".json") for key in self._store.keys(self._folder))
        return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdecimal())

    def key(self, number: int) -> str:
        """The key of a number."""
        return f"{self._folder}/{number:0{DIGITS}}.json"
