"""One measure of one world: what was recovered, beside what is true."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from demo.proof.bounds import is_within

MEASURED, NOT_YET, REFUSED, DOES_NOT_APPLY = "measured", "not yet", "refused", "does not apply"
DIGITS = 6


@dataclass(frozen=True)
class Row:
    """A row of the table and of prove.json.

    Attributes
    ----------
    measure : str
        Group and name, `churn: Brier score`.
    status : str
        measured; not yet (not built); refused (the pipeline published no model, `note` says why); does not apply.
    recovered, truth, oracle, naive : float or None
        What the pipeline says; what is true; what the Bayes oracle reaches from the same history; the naive baseline.
    low, high : float or None
        Bounds of `recovered`; None where there is none on that side.
    ok : bool or None
        Whether the bounds are kept; None where there are none to keep.
    is_detail : bool
        Whether the printed table shows the row only when it is not as it should be.
    """

    measure: str
    status: str = MEASURED
    recovered: float | None = None
    truth: float | None = None
    oracle: float | None = None
    naive: float | None = None
    low: float | None = None
    high: float | None = None
    ok: bool | None = None
    note: str = ""
    is_detail: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the row for prove.json: rounded, null where there is no number."""
        return {name: _rounded(value) if isinstance(value, float) else value for name, value in asdict(self).items()}


def _rounded(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None


def judged(measure: str, recovered: float, *, low: float | None = None, high: float | None = None, **more: Any) -> Row:
    """Return a measured row; `ok` says whether the bounds are kept, None without bounds."""
    ok = None if low is None and high is None else is_within(recovered, low, high)
    return Row(measure, recovered=recovered, low=low, high=high, ok=ok, **more)


def not_yet(measure: str, note: str) -> Row:
    """Return the row of something that is not built."""
    return Row(measure, status=NOT_YET, note=note)


def does_not_apply(measure: str, note: str) -> Row:
    """Return the row of a question that has no meaning in this world."""
    return Row(measure, status=DOES_NOT_APPLY, note=note)


def refused(measure: str, decision: str, *, is_allowed: bool = True) -> Row:
    """Return the row of a model that was not published; where it should have been, the row fails."""
    return Row(measure, status=REFUSED, ok=None if is_allowed else False, note=decision)
