"""One measured figure."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A figure, the bound that it must not exceed, and what others need for the same.

    Attributes
    ----------
    name
        Begins with the room: `landing.`, `core.`, `clv.`, …
    peers
        Other ways to do the same, in the same unit.
    command
        What was measured, as one would type it.
    """

    name: str
    value: float
    unit: str
    bound: float | None
    command: str
    peers: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the bound is kept; without one there is nothing to keep."""
        return self.bound is None or self.value <= self.bound

    def as_json(self) -> dict[str, Any]:
        """Return the row of bench.json."""
        return {**asdict(self), "value": round(self.value, 4), "ok": self.ok}


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
