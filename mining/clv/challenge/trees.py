"""Gradient boosting as JSON: fitted by scikit-learn, stored as plain numbers, read and summed up by NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from mining.purchases.history import Floats

ROUNDS, LEAVES, LEAST_PER_LEAF, LEARNING_RATE = 60, 8, 50, 0.06
FIELDS = ("value", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf")


def grow(inputs: Floats, outcome: Floats) -> dict[str, Any]:
    """Fit boosted trees to a mean that is never below 0 (Poisson deviance, log link).

    Parameters
    ----------
    inputs : ndarray of shape (n, k)
        Not a number where unknown.
    outcome : ndarray of shape (n,)
        Zero or more, above zero in sum.

    Returns
    -------
    dict
        `start` and `trees`: log-mean, and of each tree the columns of its nodes.
    """
    with threadpool_limits(1, "openmp"):
        model = HistGradientBoostingRegressor(
            loss="poisson", max_iter=ROUNDS, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_PER_LEAF,
            learning_rate=LEARNING_RATE, early_stopping=False, random_state=0,
        ).fit(_without_constants(inputs), outcome)  # fmt: skip
    trees = [{name: _plain(predictor.nodes[name]) for name in FIELDS} for (predictor,) in model._predictors]
    return {"start": float(model._baseline_prediction.item()), "trees": trees}


def _without_constants(inputs: Floats) -> Floats:
    """Return inputs of which those that do not differ are 0: scikit-learn cannot bin a column without a number."""
    differs = np.array([len(np.unique(column[~np.isnan(column)])) > 1 for column in inputs.T], dtype=bool)
    return np.where(differs, inputs, 0.0)


def predict(model: dict[str, Any], inputs: Floats) -> Floats:
    """Mean outcome of each row, shape (n,)."""
    log_mean = np.full(len(inputs), model["start"])
    for tree in model["trees"]:
        log_mean += _leaf_values({name: np.asarray(column) for name, column in tree.items()}, inputs)
    return np.exp(log_mean)


def _leaf_values(tree: dict[str, NDArray[Any]], inputs: Floats) -> Floats:
    node = np.zeros(len(inputs), dtype=np.intp)
    while len(rows := np.flatnonzero(~tree["is_leaf"][node])):
        at = node[rows]
        value = inputs[rows, tree["feature_idx"][at]]
        goes_left = np.where(np.isnan(value), tree["missing_go_to_left"][at], value <= tree["num_threshold"][at])
        node[rows] = np.where(goes_left, tree["left"][at], tree["right"][at])
    return np.asarray(tree["value"][node], dtype=np.float64)


def _plain(column: NDArray[Any]) -> list[Any]:
    """Return a column of nodes as JSON types, to the last bit: a value may be as large as a threshold."""
    if column.dtype.kind == "f":
        return [float(number) for number in column]
    return [bool(number) if column.dtype == np.uint8 else int(number) for number in column]
