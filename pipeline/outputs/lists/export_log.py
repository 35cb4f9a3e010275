"""Who exported which list, when, for which purpose: one line each, in a chain of hashes.

Each line has the hash of the line before, so that a line that is changed, removed or put in later breaks the chain.
The log names no customer.
"""

import getpass
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.base.errors import UserError
from pipeline.base.files import sha256_of, write_private
from pipeline.base.settings import Settings

LOG = "exports.jsonl"
HASH = "hash"
BEFORE = "previous_hash"
FIRST = "0" * 64

Line = dict[str, Any]


def log_path(settings: Settings) -> Path:
    """`lists/exports.jsonl`."""
    return settings.lists / LOG


def read_log(settings: Settings) -> list[Line]:
    """Return the lines of the log, oldest first.

    Raises
    ------
    UserError
        The chain is broken; the message names the line.
    """
    path = log_path(settings)
    lines: list[Line] = []
    before = FIRST
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for number, written in enumerate(text.splitlines(), start=1):
        line = _read(written)
        said = line.pop(HASH, None)
        if line.get(BEFORE) != before or said != sha256_of(line):
            raise UserError(
                f"{path}, line {number}, was changed, or a line before it is missing. Find out who changed "
                "the log, and move it away: the next export begins a new one."
            )
        before = said
        lines.append({**line, HASH: said})
    return lines


def log_exports(settings: Settings, exports: Sequence[Line]) -> None:
    """Append lines, each with the time, the account and the hash of the line before.

    Parameters
    ----------
    settings
        Where the log is.
    exports
        What was exported: JSON values, by key.

    Raises
    ------
    UserError
        The log is not as it was written.
    """
    lines = read_log(settings)
    before = lines[-1][HASH] if lines else FIRST
    at, account = datetime.now(UTC).isoformat(timespec="seconds"), getpass.getuser()
    for export in exports:
        line = {"exported_at": at, "exported_by": account, **export, BEFORE: before}
        before = sha256_of(line)
        lines.append({**line, HASH: before})
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    write_private(log_path(settings), text.encode())


def _read(text: str) -> Line:
    try:
        line = json.loads(text)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
