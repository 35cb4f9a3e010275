"""What may fail without ending a build: training a model, scoring with it, drawing a picture.

| What happens in the attempt | Result |
|---|---|
| a `Refusal`, or a `UserError` | refused; the message is the reason |
| an error of the values: no solution, an overflow, what scikit-learn or Arrow rejects | refused; the error is named |
| any other error, which is one of the program | refused; the error is named |
| a damaged file, a full disk, too little memory, a database that cannot be read, a stop | ends the build |

A refused attempt is logged, errors with their trace.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import duckdb

from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError

log = logging.getLogger("perennial")

OF_A_QUERY = (duckdb.DataError, duckdb.ProgrammingError)
"""Errors of DuckDB about values or about the query. All others concern the file or the machine."""
OF_VALUES = (ArithmeticError, ValueError, duckdb.DataError)
"""LinAlgError, ArrowInvalid and what scikit-learn rejects are ValueErrors; FloatingPointError is arithmetic."""
LONGEST = 200
Result = TypeVar("Result")


class Refusal(Exception):  # noqa: N818  an answer, not an error
    """The data do not support a result. The message is the reason, as a clause."""


@dataclass(frozen=True)
class Failure:
    """Why there is no result: `reason` as a clause for readers, `error` its class and first line."""

    reason: str
    error: str


def attempt(what: str, action: Callable[[], Result]) -> Result | Failure:
    """Try something that a build can do without; return its result, or why there is none.

    Parameters
    ----------
    what
        What is attempted, for the reason and the log: `training churn`.
    action
        Makes the result. The caller removes what it leaves half done.
    """
    try:
        return action()
    except Exception as error:
        if _is_of_the_machine(error):
            raise
        named = _named(error)
        if isinstance(error, (Refusal, UserError)):
            log.warning("%s: refused: %s", what, error)
            return Failure(str(error).rstrip("."), named)
        log.exception("%s: refused", what)
        if isinstance(error, OF_VALUES):
            return Failure(f"{what} has no result on these data ({named})", named)
        return Failure(f"{what} ended with an error of the program ({named}); the log has its trace", named)


def _is_of_the_machine(error: Exception) -> bool:
    """Return whether an error concerns the storage or the machine, and so says nothing about a model or picture."""
    if isinstance(error, duckdb.Error):
        return not isinstance(error, OF_A_QUERY)
    return isinstance(error, (DamagedError, OSError, MemoryError))


def _named(error: Exception) -> str:
    """Return class and first line of an error, without memory addresses, so that equal inputs give equal text."""
    first = next(iter(str(error).strip().splitlines()), "")
    text = re.sub(r" at 0x[0-9a-f]+", "", first)[:LONGEST].rstrip(". ")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
