"""What fails on the data is refused with a reason; what is broken besides ends the build."""

import decimal
import logging
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from sklearn.exceptions import NotFittedError

from pipeline.base.attempt import Failure, Refusal, attempt
from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError

WHAT = "training churn"


def failing(error: BaseException) -> Failure | None:
    def action() -> None:
        raise error

    return attempt(WHAT, action)


def test_a_result_is_handed_on() -> None:
    assert attempt(WHAT, lambda: 3) == 3


@pytest.mark.parametrize("error", [Refusal("3 customers are too few"), UserError("3 customers are too few.")])
def test_a_refusal_is_the_reason(error: Exception) -> None:
    assert failing(error) == Failure("3 customers are too few", f"{type(error).__name__}: 3 customers are too few")


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (np.linalg.LinAlgError("Singular matrix"), "LinAlgError: Singular matrix"),
        (FloatingPointError("overflow"), "FloatingPointError: overflow"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
        (decimal.InvalidOperation(), "InvalidOperation"),
        (ValueError("Input contains NaN.\nUse another estimator."), "ValueError: Input contains NaN"),
        (NotFittedError("not fitted"), "NotFittedError: not fitted"),
        (pa.ArrowInvalid("out of range"), "ArrowInvalid: out of range"),
        (duckdb.OutOfRangeException("overflow in sum"), "OutOfRangeException: overflow in sum"),
    ],
)
def test_an_error_of_the_values_is_named(error: Exception, named: str, caplog: pytest.LogCaptureFixture) -> None:
    assert failing(error) == Failure(f"training churn has no result on these data ({named})", named)
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    "error", [KeyError("gap"), TypeError("no"), IndexError("3"), AssertionError(), duckdb.BinderException("no column")]
)
def test_an_error_of_the_program_is_named_and_its_trace_is_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    failure = failing(error)
    assert failure is not None
    assert failure.reason.startswith(f"training churn ended with an error of the program ({type(error).__name__}")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "Traceback" in caplog.text


def test_equal_inputs_give_an_equal_reason() -> None:
    reasons = {failing(TypeError(f"cannot add {object()}")) for _ in range(3)}
    assert reasons == {failing(TypeError("cannot add <object object>"))}


@pytest.mark.parametrize(
    "error",
    [
        *(
            KeyboardInterrupt(),
            SystemExit(1),
            MemoryError(),
            np._core._exceptions._ArrayMemoryError((9,), np.dtype("f8")),
        ),
        *(
            OSError(28, "No space left on device"),
            PermissionError("no"),
            DamagedError(Path("m.json"), "cut", "Restore."),
        ),
        *(duckdb.OutOfMemoryException("no memory"), duckdb.FatalException("gone"), duckdb.InternalException("broken")),
    ],
)
def test_what_is_broken_besides_ends_the_build(error: BaseException) -> None:
    with pytest.raises(type(error)):
        failing(error)


def test_a_broken_database_is_no_failure_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(duckdb.IOException):
        attempt("writing report.html", lambda: connect(path, read_only=True))
