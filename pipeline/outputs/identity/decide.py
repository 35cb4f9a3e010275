"""A person's decision about two records: checked, and appended to the decisions file."""

import csv
import datetime as dt
import io

from pipeline.base.errors import UserError
from pipeline.base.files import write_text
from pipeline.base.lock import file_lock
from pipeline.base.settings import Settings
from pipeline.build.decisions import COLUMNS, NEVER, SAME, check_decisions
from pipeline.outputs.identity.found import Opened, customer_of, opened_release, record_key, unknown_record

OUTCOME = {
    SAME: "{one} and {other} are one customer",
    NEVER: "{one} and {other} are two customers, whatever rules and models say",
}


def decide(settings: Settings, one: str, other: str, *, decision: str, by: str, because: str) -> str:
    """Append a decision to the decisions file, and say when it holds.

    Parameters
    ----------
    settings
        Where the file is (CRM_IDENTITY_DECISIONS).
    one, other
        Records, as source:id.
    decision
        `same` or `never`.
    by, because
        Who decides, and why: they stay beside the decision.

    Raises
    ------
    UserError
        A word is wrong, a record is not in the release, or the file would not be valid with the decision.
    """
    if decision not in OUTCOME:
        raise UserError(f"--decide is '{decision}': give {SAME} or {NEVER}.")
    for option, text in {"--by": by, "--because": because}.items():
        if not text.strip():
            raise UserError(f"{option} is missing: a decision says who made it, and why.")
    with opened_release(settings) as release:
        records = [_known(release, record) for record in (one, other)]
    if records[0] == records[1]:
        raise UserError(f"{one} is one record: name two.")
    values = (decision, *records[0], *records[1], by.strip(), because.strip(), str(dt.datetime.now(dt.UTC).date()))
    _append(settings, dict(zip(COLUMNS, values, strict=True)))
    told = OUTCOME[decision].format(one=one, other=other)
    return (
        f"{told}: it holds from the next build (`make run`). The line is in {settings.identity_decisions}; to take it "
        "back, decide otherwise, or remove it."
    )


def _known(release: Opened, record: str) -> tuple[str, str]:
    """Return source and id of a record of the release."""
    source, colon, number = record.partition(":")
    if not release.has_contacts:
        raise UserError("contacts.duckdb cannot be read by you, and has the ids of sources: ask its owner to decide.")
    if not colon or not customer_of(release, record_key(record)):
        raise unknown_record(release, record, "record")
    return source, number


def _append(settings: Settings, row: dict[str, str]) -> None:
    path = settings.identity_decisions
    path.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(path.with_name(f".{path.name}.lock")):
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ",".join(COLUMNS) + "\n"
        line = io.StringIO()
        csv.DictWriter(line, COLUMNS, lineterminator="\n").writerow(row)
        text = text + ("" if text.endswith("\n") else "\n") + line.getvalue()
        check_decisions(text, path)
        write_text(path, text)
        path.chmod(0o600)
