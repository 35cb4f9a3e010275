"""From features to the churn model's inputs."""

import numpy as np
import pandas as pd

from mining.churn.families import FAMILIES
from mining.churn.inputs import Family, Input
from mining.evaluation import Floats

INPUTS: dict[str, Input] = {name: part for family in FAMILIES for name, part in family.inputs.items()}
FAMILY_OF: dict[str, Family] = {name: family for family in FAMILIES for name in family.inputs}
COLUMNS = frozenset(column for part in INPUTS.values() for column in part.columns)
"""The feature columns that the inputs read."""
SMALLEST_SPREAD = 1e-9
BASELINE_INPUTS = ("log_recency",)


def families_of(names: tuple[str, ...]) -> list[Family]:
    """Return the families that have an input among the named ones, in the order of `FAMILIES`."""
    return [family for family in FAMILIES if any(name in family.inputs for name in names)]


def design(frame: pd.DataFrame, names: tuple[str, ...], gap: float) -> dict[str, Floats]:
    """Compute the named inputs. Unknown values stay NaN: the model fills its own medians."""
    return {name: INPUTS[name].compute(frame, gap) for name in names}


def split_inputs(frame: pd.DataFrame, gap: float) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the inputs that the training rows can support, and why each other one is left out."""
    dropped: dict[str, str] = {}
    for name, values in design(frame, tuple(INPUTS), gap).items():
        known = values[~np.isnan(values)]
        needs = INPUTS[name].optional
        if not len(known):
            dropped[name] = f"no source provides {needs}" if needs else "no customer has a value"
        elif np.std(known) < SMALLEST_SPREAD:
            dropped[name] = "the same for every customer"
    return tuple(name for name in INPUTS if name not in dropped), dropped
