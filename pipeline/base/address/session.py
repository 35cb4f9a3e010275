"""One way in: what works on a home at an address is put between what it needs from there and what it brings back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pipeline.base.address.copy import PLACES, WorkingCopy
from pipeline.base.address.home import Home, newest_home, remove_old, remove_unnamed, write_home
from pipeline.base.address.lease import FOLDER as LEASES
from pipeline.base.address.lease import Lease, leased
from pipeline.base.address.store import Store
from pipeline.base.errors import UserError
from pipeline.base.lock import fetch_lock
from pipeline.base.settings import Settings


@contextmanager
def brought_back(settings: Settings, holder: str, say: Callable[[str], None]) -> Iterator[None]:
    """Fetch the home, work on it, and bring it back, also when the work fails: what has landed stays landed.

    The caller holds the lock of the working copy. Where the home is a folder, this does nothing.
    """
    if settings.home_address is None:
        yield
        return
    store = Store(settings.home_address)
    copy = WorkingCopy(settings, store, say)
    with leased(store, copy.id, holder, say) as lease:
        home = _fenced(store, lease)
        _fetch(settings, copy, lambda: home)
        copy.begin()
        try:
            yield
        except BaseException:
            try:
                _bring(store, copy, home or Home(), lease)
            except UserError as error:
                say(str(error))
            raise
        _bring(store, copy, home or Home(), lease)


def fetch_home(settings: Settings, say: Callable[[str], None]) -> None:
    """Fetch what an address has, for a command that only reads. The caller holds the lock of the working copy."""
    if settings.home_address is None:
        return
    store = Store(settings.home_address)
    copy = WorkingCopy(settings, store, say)
    _fetch(settings, copy, lambda: newest_home(store))
    if copy.is_unfinished:
        say(
            f"What is shown has what a run here made that did not end, and {settings.home_address} has not yet: the "
            "next run brings it there."
        )


def _fetch(settings: Settings, copy: WorkingCopy, home: Callable[[], Home | None]) -> None:
    """Set the copy to a home, one process at a time."""
    with fetch_lock(settings):
        for left in (2, 1, 0):
            try:
                copy.fetch(home())
                break
            except FileNotFoundError as error:  # runs have ended since, and removed what they replaced
                if left:
                    continue
                raise UserError(
                    f"{settings.home_address} lacks an object that its home names ({error}). Restore it from a backup."
                ) from error


def _fenced(store: Store, lease: Lease) -> Home | None:
    """Return the home; after a kill, first give its next number away, and remove what the killed run had sent.

    A holder that was taken for dead and is not finds the number given, so that nothing it has sent can count any more.
    """
    home = newest_home(store)
    if lease.number == 1 and home is None and set(store.keys()) - set(store.keys(LEASES)):
        raise UserError(f"{store.address} has objects and is no home of Perennial. Set CRM_HOME to an empty one.")
    if lease.is_after_a_kill:
        home = home or Home()
        home = replace(home, generation=home.generation + 1)
        write_home(store, home, lease.holder)
        remove_unnamed(store, PLACES)
    return home


def _bring(store: Store, copy: WorkingCopy, before: Home, lease: Lease) -> None:
    home = copy.bring(before, lease)
    lease.check()
    if home is not before:
        write_home(store, home, lease.holder)
    copy.is_brought(home)
    lease.is_whole = True
    remove_old(store, home)
