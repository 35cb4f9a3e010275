"""Which purchase model is in use: Pareto/NBD, unless the evidence for MBG/NBD is very strong, or it has no maximum."""

import pytest

from mining.purchases import CommonDeathNBD, ModifiedBetaGeoNBD, ParetoNBD
from mining.purchases.choice import choose
from mining.purchases.models.base import PurchaseModel

PARETO, MBG = ParetoNBD.name, ModifiedBetaGeoNBD.name


def fitted(kind: type[PurchaseModel], log_likelihood: float, *, is_converged: bool = True) -> PurchaseModel:
    model = kind()
    model.params_ = dict.fromkeys(model.parameter_names, 1.0)
    model.log_likelihood_, model.is_converged_, model.gradient_, model.n_customers_ = (
        log_likelihood,
        is_converged,
        0.0,
        1,
    )
    return model


def name_of(chosen: PurchaseModel | None) -> str:
    assert chosen is not None
    return chosen.name


@pytest.mark.parametrize(("gain", "name"), [(-7.0, PARETO), (3.0, PARETO), (34.0, MBG)])
def test_mbg_takes_the_place_of_pareto_where_the_evidence_is_very_strong(gain: float, name: str) -> None:
    assert name_of(choose([fitted(ParetoNBD, -100.0), fitted(ModifiedBetaGeoNBD, -100.0 + gain)])) == name


def test_what_was_judged_scores_though_the_other_is_likelier_on_the_day_itself() -> None:
    assert name_of(choose([fitted(ParetoNBD, -100.0), fitted(ModifiedBetaGeoNBD, -104.0)], MBG)) == MBG
    likelier_without_a_maximum = fitted(ModifiedBetaGeoNBD, -50.0, is_converged=False)
    assert name_of(choose([fitted(ParetoNBD, -100.0), likelier_without_a_maximum], MBG)) == PARETO


def test_without_a_maximum_of_pareto_the_stand_ins_are_averaged_as_before() -> None:
    edge = fitted(ParetoNBD, -99.0, is_converged=False)
    chosen = choose([edge, fitted(ModifiedBetaGeoNBD, -100.0), fitted(CommonDeathNBD, -100.0)])
    assert name_of(chosen) == "averaged"
