"""Libraries that import others when they find them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def missing(name: str) -> Iterator[None]:
    """Let a package be as if it were not installed, for what is imported in the meantime."""
    there = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment] # how Python notes that an import fails
    try:
        yield
    finally:
        del sys.modules[name]
        if there is not None:
            sys.modules[name] = there
