"""The files of a load get their names, the receipt last; a load that must be looked at goes into `held/`."""

from typing import Any

from pipeline.base.errors import UserError
from pipeline.base.files import fsync_path, sha256_of, sha256_of_file, write_sealed
from pipeline.landing.ends import hold
from pipeline.landing.receipts import HELD, Receipt, iso
from pipeline.landing.writing.load import Load
from pipeline.landing.writing.pair import Pair
from pipeline.landing.writing.rows import Written

HASH_DIGITS = 12


def _free_stem(load: Load, content_hash: str) -> str:
    """Name of a load's files. Content that comes back after other content is another load of a history."""
    stem = f"{load.interval}.{content_hash[:HASH_DIGITS]}"
    has_history = load.request.source.has_history(load.request.table)
    if not has_history or not (load.folder / f"{stem}.json").is_file():
        return stem
    return f"{load.interval}.{sha256_of([content_hash, load.generation])[:HASH_DIGITS]}"


def publish(load: Load, pair: Pair, written: Written, content_hash: str, delivered: list[dict[str, Any]]) -> Receipt:
    """Give the files of a load their names, and write its receipt.

    Raises
    ------
    UserError
        The load is held: a person must accept it.
    """
    stem = _free_stem(load, content_hash)
    files = {"file": f"{stem}.parquet"}
    if pair.sibling.is_file():
        files["personal"] = f"{stem}.personal.parquet"
    if written.rejects:
        files["rejects"] = f"{stem}.rejects.parquet"
    receipt = _receipt(load, pair, written, files) | {"content_hash": content_hash, "source_files": delivered}
    _, leap = load.asked.leaps.get(load.request.name, (None, None))
    reason = hold.why_hold(receipt, load.request.table, load.earlier, written.lost, leap)
    target = load.folder / HELD if reason else load.folder
    hold.forget_held(load.folder)
    target.mkdir(exist_ok=True)
    for name, temporary in (("rejects", pair.rejects), ("personal", pair.sibling), ("file", pair.main)):
        if name in files:
            fsync_path(temporary)
            temporary.replace(target / files[name])
    fsync_path(target)
    write_sealed(target / f"{stem}.json", receipt | ({"held_because": reason} if reason else {}))
    if reason:
        raise UserError(hold.hold_message({**receipt, "held_because": reason}))
    return receipt


def _receipt(load: Load, pair: Pair, written: Written, files: dict[str, str]) -> Receipt:
    """What a receipt says beside the content of its source."""
    table, newest = load.request.table, load.asked.newest.get(load.request.name)
    return {
        "source": load.request.source.name,
        "table": load.request.name,
        "interval": load.interval,
        "interval_start": iso(load.start),
        "interval_end": iso(load.end),
        "window_start": iso(written.window_start) if written.window_start else None,
        "received": written.rows + written.unchanged + len(written.rejects),
        "unreadable": len(written.rejects),
        "unchanged": written.unchanged,
        "deleted": written.deleted,
        "missed": written.missed,
        "schema": written.schema,
        "new_columns": hold.new_columns(written.schema, load.earlier),
        "personal": None,
        "personal_sha256": sha256_of_file(pair.sibling) if "personal" in files else None,
        "rejects": None,
        **{name: (load.folder / file).relative_to(load.settings.home).as_posix() for name, file in files.items()},
        "load": table.load,
        "generation": load.generation,
        **({"reading": load.reading} if load.reading else {}),
        "is_first_load": load.is_first,
        "is_scanned": written.is_scanned,
        "first_event_at": iso(written.events.first) if written.events else None,
        "last_event_at": iso(written.events.last) if written.events else None,
        "read_at": iso(load.asked.read_at),
        "data_end": iso(load.data_end) if load.data_end else None,
        "newest_event_at": iso(newest) if newest else None,
        "seconds": written.seconds,
        "file_bytes": pair.main.stat().st_size,
        "bytes": sum(path.stat().st_size for path in (pair.main, pair.sibling) if path.is_file()),
    }
