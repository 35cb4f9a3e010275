"""Great Expectations suites: read from expectations/, run on a data frame, turned into checks."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pipeline.audit.checks import STOP, Check
from pipeline.audit.imports import missing
from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.settings import ROOT
from pipeline.base.shapes import Text
from pipeline.base.yaml_file import read_yaml

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read when the library is imported

with missing("pyspark"):  # all of which it would import, and pyspark 4.3 ends a `python -c` that has no gRPC
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

SUITES = ROOT / "expectations"
EXAMPLES = 5
"""How many of the rows that failed a report shows, where `meta.examples` of the suite says nothing else."""


class CheckShape(BaseModel):
    """A check of a suite: what it expects of a column, and what to do when it fails. expectations/README.md."""

    model_config = ConfigDict(extra="forbid")
    check: Text
    reason: Text
    first_action: Text
    severity: Literal["stop", "warn"] = "stop"
    owner: Text | None = None
    mostly: float | None = None
    zero: Text | None = None
    never: Text | None = None
    always: Text | None = None
    not_null: Text | None = None
    at_most: dict[str, float] | None = None
    at_least: dict[str, float] | None = None
    between: dict[str, tuple[float, float]] | None = None
    one_of: dict[str, list[str]] | None = None
    no_match: dict[str, str] | None = None
    not_below: tuple[str, str] | None = None
    rows: int | None = None

    @model_validator(mode="after")
    def _expects_one_thing(self) -> Self:
        found = len(list(_expected(self)))
        if found != 1:
            raise ValueError(f"a check expects one thing, and this one {found}")
        return self


class SuiteShape(BaseModel):
    """A suite of `expectations/`."""

    model_config = ConfigDict(extra="forbid")
    description: Text
    index: list[Text]
    owner: Text
    checks: list[CheckShape]
    examples: int = EXAMPLES


def read_suite(name: str) -> dict[str, Any]:
    """Read `expectations/<name>.yml` as a suite of Great Expectations.

    Raises
    ------
    UserError
        It cannot be read, or a check in it says nothing that can be expected; the message names the file.
    """
    path = SUITES / f"{name}.yml"
    content = read_yaml(path).content
    try:
        suite = SuiteShape.model_validate(content)
        expectations = [_expectation(check, suite.owner) for check in suite.checks]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{project.shown(path)}: {where}: {first['msg']}. Correct it there.") from error
    meta = {"description": suite.description, "index": suite.index, "examples": suite.examples}
    return {"name": name, "meta": meta, "expectations": expectations}


def _expectation(check: CheckShape, owner: str) -> dict[str, Any]:
    """A check as Great Expectations writes it."""
    ((kind, kwargs),) = _expected(check)
    if check.mostly is not None:
        kwargs["mostly"] = check.mostly
    meta = {name: getattr(check, name) for name in ("check", "severity", "reason", "first_action")}
    return {"type": f"expect_{kind}", "kwargs": kwargs, "meta": {**meta, "owner": check.owner or owner}}


def _expected(check: CheckShape) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a check expects, in the words of Great Expectations."""
    between, in_set = "column_values_to_be_between", "column_values_to_be_in_set"
    if check.zero:
        yield between, {"column": check.zero, "min_value": 0, "max_value": 0}
    for column, flag in ((check.never, False), (check.always, True)):
        if column:
            yield in_set, {"column": column, "value_set": [flag]}
    if check.not_null:
        yield "column_values_to_not_be_null", {"column": check.not_null}
    for column, value in (check.at_most or {}).items():
        yield between, {"column": column, "max_value": value}
    for column, value in (check.at_least or {}).items():
        yield between, {"column": column, "min_value": value}
    for column, (low, high) in (check.between or {}).items():
        yield between, {"column": column, "min_value": low, "max_value": high}
    for column, values in (check.one_of or {}).items():
        yield in_set, {"column": column, "value_set": values}
    for column, regex in (check.no_match or {}).items():
        yield "column_values_to_not_match_regex", {"column": column, "regex": regex}
    if check.not_below:
        names = dict(zip(("column_A", "column_B"), check.not_below, strict=True))
        pair = {**names, "or_equal": True, "ignore_row_if": "either_value_is_missing"}
        yield "column_pair_values_a_to_be_greater_than_b", pair
    if check.rows is not None:
        yield "table_row_count_to_equal", {"value": check.rows}


def suite_query(name: str) -> str | None:
    """Read the query beside a suite that makes its frame; None when the frame is made in Python."""
    path: Path = SUITES / f"{name}.sql"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def marts_suites() -> list[str]:
    """Names of the suites that guard what is published."""
    return sorted(path.stem for path in SUITES.glob("marts_*.yml"))


@cache
def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def checks_of(result: Any) -> list[Check]:
    """What Great Expectations found, as checks."""
    return [_check(result.suite_name, item) for item in result.results]


def validate(name: str, frame: pd.DataFrame) -> Any:
    """Validate a frame against a suite; what was found, as Great Expectations says it.

    Parameters
    ----------
    name : str
        The suite; its `meta.index` names the columns that tell the reader which row failed, and `meta.examples` how
        many rows are told.
    frame : pandas.DataFrame
    """
    suite = read_suite(name)
    source = _context().data_sources.add_or_update_pandas(name)
    batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    # Sorted, so that equal data give equal examples of what failed.
    rows = frame.sort_values(suite["meta"]["index"], ignore_index=True)
    return batch.get_batch({"dataframe": rows}).validate(
        gx.ExpectationSuite(name=name, expectations=suite["expectations"]),
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": suite["meta"]["index"],
            "partial_unexpected_count": suite["meta"]["examples"],
        },
    )


def _check(suite: str, item: Any) -> Check:
    config = item.expectation_config
    error = _exception(item.exception_info)
    return Check(
        suite=suite,
        check=config.meta["check"],
        expectation=config.type,
        column=config.kwargs.get("column"),
        # A check that cannot be evaluated protects nothing.
        severity=STOP if error else config.meta["severity"],
        success=bool(item.success),
        observed=error or _observed(item.result),
        reason=config.meta["reason"],
        owner=config.meta["owner"],
        first_action=config.meta["first_action"],
    )


def _exception(info: dict[str, Any]) -> str | None:
    infos = [info] if "raised_exception" in info else list(info.values())
    messages = [each["exception_message"] for each in infos if each.get("raised_exception")]
    return f"the check could not be evaluated: {messages[0]}" if messages else None


def _observed(result: dict[str, Any]) -> str:
    if "unexpected_count" not in result:
        return str(result.get("observed_value"))
    text = f"{result['unexpected_count']} of {result['element_count']} rows"
    examples = result.get("partial_unexpected_index_list") or []
    if examples:
        text += ", for example " + "; ".join(
            ", ".join(f"{name} {value}" for name, value in row.items()) for row in examples
        )
    return text
