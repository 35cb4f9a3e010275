"""Impossible values are refused with the column, the value and the next step."""

import numpy as np
import pytest

from mining.clv.gamma_gamma import GammaGamma
from mining.purchases import NBD, BetaGeoNBD, CommonDeathNBD, ModifiedBetaGeoNBD, ParetoNBD
from mining.purchases.models.base import PurchaseModel
from pipeline.base.errors import UserError

KINDS = (BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD, CommonDeathNBD, NBD)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "t_x", "T", "message"),
    [
        ([1, 2], [3, 45], [39, 39], r"t_x is 45 in row 1 .* after the end of observation T\. Leave out"),
        ([-1], [0], [39], r"x is -1 in row 0 .* cannot be negative\. Check"),
        ([1], [-3], [39], r"t_x is -3 in row 0"),
        ([0], [0], [-1], r"T is -1 in row 0"),
        ([0], [5], [39], r"t_x is 5 in row 0 .* x = 0 has no later purchase\. Set t_x to 0"),
        ([2], [0], [39], r"t_x is 0 in row 0 .* takes time\. Merge the purchases of one day"),
        ([float("nan")], [0], [39], r"x is nan in row 0 .* finite number"),
        ([1], [1], [float("inf")], r"T is inf in row 0"),
        ([1.5], [1], [39], r"x is 1\.5 in row 0 .* whole numbers"),
        ([1, 2], [1], [39, 39], r"differ in length"),
        ([[1]], [[1]], [[39]], r"x has 2 dimensions"),
    ],
)
def test_impossible_histories(
    kind: type[PurchaseModel], x: list[float], t_x: list[float], T: list[float], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        kind().fit(x, t_x, T)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_learn_from(kind: type[PurchaseModel]) -> None:
    with pytest.raises(UserError, match="no customer to learn from"):
        kind().fit([], [], [])
    with pytest.raises(UserError, match="no customer bought on a second day"):
        kind().fit([0, 0, 0], [0, 0, 0], [10, 20, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_customer_does_not_crash(kind: type[PurchaseModel]) -> None:
    model = kind().fit([3], [20], [39])
    assert not model.is_converged_
    assert np.isfinite(model.log_likelihood_)


@pytest.mark.parametrize("kind", KINDS)
def test_use_before_fit_and_foreign_models(kind: type[PurchaseModel]) -> None:
    with pytest.raises(UserError, match="is not fitted: call fit"):
        kind().p_alive([1], [2], [3])
    with pytest.raises(UserError, match="model is 'other': expected"):
        kind.from_dict({"model": "other"})


@pytest.mark.parametrize(
    ("x", "mean", "message"),
    [
        ([0, 1], [3.0, 4.0], "x is 0 in row 0 .* above zero"),
        ([1, 1], [3.0, 0.0], "mean_spend is 0 in row 1 .* above zero"),
        ([1, 1], [3.0, float("nan")], "mean_spend is nan in row 1"),
        ([1, 1], [3.0], "x has 2 values and mean_spend 1"),
        ([1, 1], [3.0, 3.0], "1 distinct amounts"),
    ],
)
def test_impossible_spend(x: list[float], mean: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        GammaGamma().fit(x, mean)
