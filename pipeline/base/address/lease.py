"""One writer at an address: a lease that its holder renews, and that another may take when it has run out.

A lease only keeps runs from working in vain. That two never write one home is ensured by `home/`, whose numbers are
given once: a holder that was taken for dead finds the next number given.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.base.address.store import Series, Store
from pipeline.base.errors import UserError

log = logging.getLogger("perennial")
LEASE_SECONDS = 120.0
RENEW_SECONDS = 20.0
WAIT_SECONDS = 3.0
FOLDER = "lease"


@dataclass
class Lease:
    """What this process holds.

    Attributes
    ----------
    is_after_a_kill
        Whether the holder before ended without a word: objects may be there that nothing names.
    is_whole
        Set when all that the holder has done is at the address.
    """

    store: Store
    copy: str
    holder: str
    number: int
    is_after_a_kill: bool
    is_whole: bool = False
    lost: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Stop a holder whose lease another one has taken."""
        if self.lost.is_set():
            raise UserError(
                f"Another run has taken over {self.store.address}, since this one had not been heard of for "
                f"{LEASE_SECONDS:.0f} seconds. What it made since does not count; run again."
            )

    def text(self, seconds: float, *, has_ended: bool = False) -> bytes:
        """What the object says."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        said = {"holder": self.holder, "copy": self.copy, "until": until.isoformat(), "has_ended": has_ended}
        return json.dumps(said, indent=2, ensure_ascii=False).encode()


@contextmanager
def leased(store: Store, copy: str, holder: str, say: Callable[[str], None]) -> Iterator[Lease]:
    """Hold the lease of an address; wait while another one holds it.

    Parameters
    ----------
    store
        The address.
    copy
        Id of the working copy, whose lock the caller holds: an earlier holder in the same one has ended.
    holder
        Who holds it, for the message that others read while they wait.
    say
        Receives that message.
    """
    lease = _taken(store, copy, f"{holder} on {socket.gethostname()}, process {os.getpid()}", say)
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lease, ended), daemon=True)
    renewing.start()
    try:
        yield lease
    finally:
        ended.set()
        renewing.join()
        if lease.is_whole and not lease.lost.is_set():
            _end(lease)


def _taken(store: Store, copy: str, holder: str, say: Callable[[str], None]) -> Lease:
    series, has_said = Series(store, FOLDER), False
    while True:
        numbers = series.numbers()
        before = _read(store, series.key(numbers[-1])) if numbers else {"has_ended": True}
        if not _is_held(before, copy):
            number = numbers[-1] + 1 if numbers else 1
            lease = Lease(store, copy, holder, number, is_after_a_kill=not before.get("has_ended"))
            if store.create(series.key(number), lease.text(LEASE_SECONDS)):
                _check_condition(lease, series.key(number))
                if series.numbers()[-1] == number:  # else others came and went since the numbers were read
                    for old in numbers:
                        store.remove(series.key(old))
                    return lease
                store.remove(series.key(number))
            continue
        if not has_said:
            say(f"Waiting for {before['holder']}, which is writing to {store.address} or was killed there")
            has_said = True
        time.sleep(WAIT_SECONDS)


def _is_held(before: dict[str, Any], copy: str) -> bool:
    if before.get("has_ended") or before.get("copy") == copy:
        return False
    return datetime.fromisoformat(str(before["until"])) > datetime.now(UTC)


def _read(store: Store, key: str) -> dict[str, Any]:
    """Return what a lease says; one that was removed in the meantime has ended."""
    content = store.read(key)
    if content is None:
        return {"has_ended": True}
    try:
        said = dict(json.loads(content))
        datetime.fromisoformat(said["until"]).astimezone(UTC)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{store.address}/{key} is damaged: it is no lease. Delete it, then run again.") from error
    return said


def _check_condition(lease: Lease, key: str) -> None:
    """See that the store keeps the condition: some services that speak S3 do not know it."""
    if lease.store.create(key, b"{}"):
        lease.store.remove(key)
        raise UserError(
            f"{lease.store.address} writes over what should be written only where nothing is (If-None-Match), so that "
            "two runs could not be kept apart. Use a store that knows it (docs/scale.md)."
        )


def _end(lease: Lease) -> None:
    try:
        lease.store.put(Series(lease.store, FOLDER).key(lease.number), lease.text(0, has_ended=True))
    except UserError as error:
        log.warning("%s", error)  # what counts is there; the lease runs out by itself


def _renew(lease: Lease, ended: threading.Event) -> None:
    series = Series(lease.store, FOLDER)
    while not ended.wait(RENEW_SECONDS):
        try:
            if series.numbers()[-1:] != [lease.number]:
                lease.lost.set()
                return
            lease.store.put(series.key(lease.number), lease.text(LEASE_SECONDS))
        except UserError as error:
            log.warning("%s", error)  # a network that is away for a while ends no run
