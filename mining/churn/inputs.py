"""What a family of churn inputs is made of: inputs computed from features, and sentences about a customer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.evaluation import Floats

Flags = NDArray[np.bool_]
Compute = Callable[[pd.DataFrame, float], Floats]
"""Features and the typical days between purchases → one value per customer, NaN where unknown."""


@dataclass(frozen=True)
class Input:
    """One model input: how it is computed, the feature columns that it reads, and the one that a source may lack."""

    compute: Compute
    columns: tuple[str, ...]
    optional: str | None = None


@dataclass(frozen=True)
class Case:
    """Customers under a model: features, standardised inputs, what each adds to the log-odds, and where it is known."""

    frame: pd.DataFrame
    z: dict[str, Floats]
    push: dict[str, Floats]
    known: dict[str, Flags]

    def nobody(self) -> Flags:
        """Return the flags of a condition that no customer meets."""
        return np.zeros(len(self.frame), bool)


Condition = Callable[[Case], Flags]


@dataclass(frozen=True)
class Family:
    """Inputs about one thing. A reason names a family: its weight is what its inputs add to the log-odds together.

    Attributes
    ----------
    name, description
        For model files and for readers of this code.
    inputs
        By name; the feature columns that they read are all that a family needs of the warehouse.
    sentences
        Condition and text, the most telling one first: the first that is true of a customer is the reason.
    is_screened
        No purchase behaviour: it enters only where it tells more than that (`screening`).
    action
        What can be done about it, whichever of the sentences is true.
    """

    name: str
    description: str
    inputs: Mapping[str, Input]
    sentences: tuple[tuple[Condition, str], ...]
    is_screened: bool = False
    action: str = ""


def values(frame: pd.DataFrame, column: str) -> Floats:
    """Return a feature as numbers."""
    return frame[column].to_numpy(dtype=np.float64)


def plain(column: str, *, optional: bool = False) -> Input:
    """Return a feature as it is: a ratio, or yes and no."""
    return Input(lambda frame, _: values(frame, column), (column,), column if optional else None)


def log(column: str, power: int = 1, *, optional: bool = False) -> Input:
    """Return the logarithm of a count, of days or of an amount; what is below zero counts as zero."""

    def compute(frame: pd.DataFrame, _: float) -> Floats:
        return np.asarray(np.log1p(np.maximum(values(frame, column), 0.0)) ** power)

    return Input(compute, (column,), column if optional else None)


def answer(column: str, highest: int, counted: str) -> Input:
    """1 where the last answer was at most `highest`, 0 where it was not or nobody answered, unknown without surveys.

    `counted` is the column that counts all answers: null where no source has surveys.
    """

    def compute(frame: pd.DataFrame, _: float) -> Floats:
        is_low = (values(frame, column) <= highest).astype(np.float64)
        return np.where(np.isnan(values(frame, counted)), np.nan, is_low)

    return Input(compute, (column, counted), counted)


def below(name: str) -> Condition:
    """Below the average in an input which, by being so, raises the risk."""
    return _side(name, -1)


def above(name: str) -> Condition:
    """Above the average in an input which, by being so, raises the risk."""
    return _side(name, +1)


def _side(name: str, sign: int) -> Condition:
    def condition(case: Case) -> Flags:
        if name not in case.z:
            return case.nobody()
        return (sign * case.z[name] > 0) & (case.push[name] > 0) & case.known[name]

    return condition


def some(name: str, column: str) -> Condition:
    """At least one, in an input which, by being so, raises the risk."""

    def condition(case: Case) -> Flags:
        if name not in case.z:
            return case.nobody()
        return (case.frame[column] > 0).to_numpy(bool) & (case.push[name] > 0)

    return condition


def none(name: str, column: str) -> Condition:
    """None at all, in an input which, by being so, raises the risk."""

    def condition(case: Case) -> Flags:
        if name not in case.z:
            return case.nobody()
        return (case.frame[column] == 0).to_numpy(bool) & (case.push[name] > 0)

    return condition
