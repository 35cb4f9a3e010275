"""What makes a fit of many customers fast changes no number."""

from collections import OrderedDict

import numpy as np
import pytest

from mining import evaluation
from mining.evaluation import resampled_sums
from mining.purchases import BetaGeoNBD, CommonDeathNBD, ModifiedBetaGeoNBD, ParetoNBD
from mining.purchases.history import History, unique_rows
from mining.purchases.models import base, fits
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.simulation import simulate

PARAMETERS: dict[type[PurchaseModel], tuple[float, ...]] = {
    BetaGeoNBD: (0.25, 4.4, 0.8, 2.4),
    ModifiedBetaGeoNBD: (0.5, 6.0, 0.9, 2.7),
    ParetoNBD: (0.55, 10.6, 0.6, 11.7),
    CommonDeathNBD: (0.8, 5.0, 60.0),
}


@pytest.fixture(scope="module")
def history() -> History:
    return simulate("pareto_nbd", PARAMETERS[ParetoNBD], 3_000, seed=3, weeks=(1, 104))[0]


@pytest.mark.parametrize("factor", [0.02, 1.0, 30.0])
@pytest.mark.parametrize("kind", PARAMETERS)
def test_the_total_is_the_sum_over_customers(kind: type[PurchaseModel], factor: float, history: History) -> None:
    model = kind()
    model.params_ = {
        name: value * (factor if name in kind.time_parameters else 1.0)
        for name, value in zip(kind.parameter_names, PARAMETERS[kind], strict=True)
    }
    value, gradient = model.total(*history)(model.parameters)
    assert value == pytest.approx(model.log_likelihood(*history).sum(), rel=1e-11)
    assert gradient == pytest.approx(model.gradient(*history).sum(axis=1), rel=1e-8, abs=1e-6)


@pytest.mark.parametrize("kind", [BetaGeoNBD, ParetoNBD])
def test_a_first_look_at_a_part_leads_to_the_same_maximum(
    kind: type[PurchaseModel], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = kind().fit(*history)
    monkeypatch.setattr(base, "FIRST_LOOK", 300)
    looked = kind().fit(*history)
    assert looked.is_converged_
    assert looked.parameters == pytest.approx(whole.parameters, rel=1e-9)


def test_distinct_rows_are_sorted_and_found_again() -> None:
    random = np.random.default_rng(4)
    columns = [random.integers(0, most, 500) / 7 for most in (3, 40, 9)]
    rows, position, counts = unique_rows(*columns)
    expected, place, number = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True, return_counts=True)
    assert np.array_equal(np.stack(rows, axis=1), expected)
    assert np.array_equal(position, place.ravel())
    assert np.array_equal(counts, number)


def test_a_fit_is_made_once_of_equal_histories(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    few = History(*(column[:500] for column in history))
    one = fits.fit_once(ParetoNBD(), few)
    monkeypatch.setattr(ParetoNBD, "fit", lambda *_: pytest.fail("fitted again"))
    assert fits.fit_once(ParetoNBD(), History(*(column.copy() for column in few))) is one
    for other in (few._replace(x=few.x + (few.x > 0)), History(*(column[1:] for column in few))):
        with pytest.raises(pytest.fail.Exception, match="fitted again"):
            fits.fit_once(ParetoNBD(), other)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "_made", OrderedDict())
    monkeypatch.setattr(fits, "KEPT", 2)
    made = [fits.once("number", [np.array([number])], object) for number in (1, 2, 3)]
    assert fits.once("number", [np.array([3])], object) is made[2]
    assert fits.once("number", [np.array([1])], object) is not made[0]
    assert len(fits._made) == 2


def test_sums_of_groups_vary_as_those_of_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.random.default_rng(5).gamma(0.5, 2.0, (2, 20_050))
    customers = resampled_sums(columns, seed=1, resamples=400)
    monkeypatch.setattr(evaluation, "CELLS", 1_000)
    groups = resampled_sums(columns, seed=1, resamples=400)
    assert groups.mean(axis=0) == pytest.approx(columns.sum(axis=1), rel=0.01)
    assert groups.std(axis=0) == pytest.approx(customers.std(axis=0), rel=0.2)
