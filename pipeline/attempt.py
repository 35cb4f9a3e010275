"""What may fail without ending a build: training a model, scoring with it, drawing a picture.

| What happens in it | What becomes of it |
|---|---|
| a `Refusal`, or a `UserError` | refused; the message is the reason |
| an error of the values: no solution, an overflow, what scikit-learn or Arrow rejects | refused; the error is named |
| any other error, so one of the program | refused; the error is named |
| a damaged file, a full disk, too little memory, a database that cannot be read, a stop | ends the build, as anywhere |

Whatever is refused is logged, errors with their trace.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import duckdb

from pipeline.errors import UserError
from pipeline.files import DamagedError

log = logging.getLogger("perennial")

OF_A_QUERY = (duckdb.DataError, duckdb.ProgrammingError)
"""Errors of DuckDB that are of values or of the query. The others are of the file, or of the machine."""
OF_VALUES = (ArithmeticError, ValueError, duckdb.DataError)
"""LinAlgError, ArrowInvalid and what scikit-learn rejects are ValueErrors; FloatingPointError is arithmetic."""
LONGEST = 200
Result = TypeVar("Result")


class Refusal(Exception):  # noqa: N818  no error: an answer
    """What the data do not support. The message is the reason, a clause."""


@dataclass(frozen=True)
class Failure:
    """Why there is no result: `reason` as a clause for readers, `error` its class and first line."""

    reason: str
    error: str


def attempt(what: str, action: Callable[[], Result]) -> Result | Failure:
    """Do what a build can go on without; return its result, or why there is none.

    Parameters
    ----------
    what
        What is attempted, for the reason and the log: `training churn`.
    action
        Makes the result. What it leaves half done, the caller removes.
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
    """Whether an error says nothing of a model or picture: what holds the data, or runs the program, is broken."""
    if isinstance(error, duckdb.Error):
        return not isinstance(error, OF_A_QUERY)
    return isinstance(error, (DamagedError, OSError, MemoryError))


def _named(error: Exception) -> str:
    """Class and first line of an error, without addresses in memory: equal inputs, equal text."""
    first = next(iter(str(error).strip().splitlines()), "")
    text = re.sub(r" at 0x[0-9a-f]+", "", first)[:LONGEST].rstrip(". ")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
