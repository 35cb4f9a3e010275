"""Why a customer's risk is above the average, in words that are true of that customer."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mining.churn.families import FAMILIES
from mining.churn.features import families_of
from mining.churn.inputs import Case, Family
from mining.churn.model import ChurnModel
from mining.evaluation import Floats

MATERIAL = 0.1
"""Log-odds that a driver must add to be called a reason (at a risk of one half: 2.5 percentage points)."""
REASONS = 3
ACTIONS = {text: family.action for family in FAMILIES for _, text in family.sentences}
"""What can be done about each reason."""


def reasons(model: ChurnModel, frame: pd.DataFrame) -> pd.DataFrame:
    """Return up to three drivers that raise a customer's risk, the strongest first.

    A driver is a family of inputs; its weight is what the family adds to the customer's log-odds against the average
    training customer. It is named only when it adds at least `MATERIAL` and one of its sentences is true of the
    customer; "most" means the training average. These are associations that the model found, not causes.
    """
    z = model.standardise(frame)
    known = {name: ~np.isnan(values) for name, values in model.design(frame).items()}
    case = Case(frame, z, model.contributions(z), known)
    families = families_of(model.inputs)
    weights = np.column_stack([_weight(family, case) for family in families])
    texts = np.column_stack([_sentences(family, case) for family in families])
    # Rounded, so that equal drivers keep the order of FAMILIES on every machine.
    weights = np.asarray(np.round(np.where((weights >= MATERIAL) & (texts != ""), weights, 0.0), 6), dtype=np.float64)
    order = np.argsort(-weights, axis=1, kind="stable")[:, :REASONS]
    chosen = np.take_along_axis(texts, order, axis=1)
    chosen[np.take_along_axis(weights, order, axis=1) == 0] = None
    columns = [f"reason_{place}" for place in range(1, REASONS + 1)]
    return pd.DataFrame(chosen, index=frame.index, columns=columns[: chosen.shape[1]]).reindex(columns=columns)


def _weight(family: Family, case: Case) -> Floats:
    total = np.zeros(len(case.frame))
    for name, push in case.push.items():
        if name in family.inputs:
            total = total + push
    return total


def _sentences(family: Family, case: Case) -> NDArray[np.object_]:
    chosen = np.full(len(case.frame), "", dtype=object)
    for condition, text in reversed(family.sentences):
        chosen[condition(case)] = text
    return chosen
