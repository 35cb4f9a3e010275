"""Check that a release is whole: every file has the size and the content that was written.

`release.json` names each file with its size and hash, and has a checksum of its own. All bytes are read, which takes a
second for a gigabyte, and only where a build finds that nothing has changed.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pipeline.base.files import DamagedError, fsync_path, fsync_tree, remove, sha256_of_file
from pipeline.serving.releases import CONTACTS, DATABASE, MANIFEST, read_manifest

# Left by a program that has opened a database for writing; DuckDB applies it when the file is next opened.
LOGS = tuple(f"{name}.wal" for name in (DATABASE, CONTACTS))
THREADS = 2


def states(folder: Path, names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return size and hash of some files of a release, or of all but its manifest, by path within its folder."""
    chosen = [folder / name for name in names] if names is not None else folder.rglob("*")
    paths = sorted(path for path in chosen if path.is_file() and path != folder / MANIFEST)
    with ThreadPoolExecutor(THREADS) as pool:
        hashes = list(pool.map(sha256_of_file, paths))
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": digest}
        for path, digest in zip(paths, hashes, strict=True)
    }


def find_damage(folder: Path) -> str | None:
    """Return what of a release differs from what was written; None where it is whole."""
    try:
        return next(_damage(folder, read_manifest(folder)), None)
    except DamagedError as error:
        return error.what


def _damage(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what is damaged, the cheapest tests first."""
    if manifest["release_id"] != folder.name:
        yield f"{folder / MANIFEST} is of release {manifest['release_id']}"
    known: dict[str, dict[str, Any]] = manifest.get("files", {})
    if not known:
        yield f"{folder / MANIFEST} does not say which files it has: an earlier version of Perennial wrote it"
    yield from (f"{folder / name} is gone" for name in known if not (folder / name).is_file())
    yield from (f"{folder / name} is there: a program wrote to its file" for name in LOGS if (folder / name).exists())
    found = states(folder)
    for name, state in known.items():
        if found[name]["bytes"] != state["bytes"]:
            yield f"{folder / name} has {found[name]['bytes']:,} bytes, and {state['bytes']:,} were written"
        if found[name] != state:
            yield f"{folder / name} has other content than was written"


def repair(folder: Path, new: Path) -> None:
    """Give a damaged release the files of one that was written again from the same inputs.

    Each file is replaced in one step, the manifest last: readers find every file that was whole, and after a kill the
    release still counts as damaged. Open connections go on reading.
    """
    paths = sorted(path for path in new.rglob("*") if path.is_file())
    for path in sorted(paths, key=lambda path: path.name == MANIFEST):
        target = folder / path.relative_to(new)
        _make_way(folder, target)
        path.replace(target)
    for name in LOGS:
        (folder / name).unlink(missing_ok=True)
    folder.chmod(0o755)
    fsync_tree(folder)
    fsync_path(folder.parent)


def _make_way(folder: Path, target: Path) -> None:
    """Make the folders of a file, and remove a folder or link that stands in its place."""
    for parent in reversed(target.relative_to(folder).parents):
        if (folder / parent).is_symlink() or (folder / parent).is_file():
            (folder / parent).unlink()
        (folder / parent).mkdir(exist_ok=True)
    if target.is_dir():
        remove(target)
