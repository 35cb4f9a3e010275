"""Great Expectations suites: read from expectations/, run on a data frame, turned into checks."""

import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from pipeline.audit.checks import STOP, Check
from pipeline.files import read_json
from pipeline.settings import ROOT
from pipeline.shapes import Shape, Text

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read when the library is imported

import great_expectations as gx
from great_expectations.data_context.types.base import ProgressBarsConfig

SUITES = ROOT / "expectations"
EXAMPLES = 5
"""How many of the rows that failed a report shows, where `meta.examples` of the suite says nothing else."""


class MetaShape(Shape):
    """What an expectation is for, and what to do when it fails."""

    check: Text
    severity: Literal["stop", "warn"]
    reason: Text
    owner: Text
    first_action: Text


class ExpectationShape(Shape):
    """An expectation of a suite."""

    type: Text
    meta: MetaShape


class SuiteShape(Shape):
    """A suite of `expectations/`."""

    expectations: list[ExpectationShape]


def read_suite(name: str) -> dict[str, Any]:
    """Read `expectations/<name>.json`; every expectation says what it is for and what to do when it fails."""
    return read_json(SUITES / f"{name}.json", "Correct it there, or take it from the repository again.", SuiteShape)


def suite_query(name: str) -> str | None:
    """Read the query beside a suite that makes its frame; None when the frame is made in Python."""
    path: Path = SUITES / f"{name}.sql"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def marts_suites() -> list[str]:
    """Names of the suites that guard what is published."""
    return sorted(path.stem for path in SUITES.glob("marts_*.json"))


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
            "partial_unexpected_count": suite["meta"].get("examples", EXAMPLES),
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
