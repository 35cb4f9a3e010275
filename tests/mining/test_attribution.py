"""Removal effects of touchpoints: by hand, against walking all ways, and where there is nothing to share."""

import numpy as np
import pandas as pd
import pytest

from mining.attribution.markov import NONE, PURCHASE, START, removal_effects


def transitions(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["from_state", "to_state", "transitions"])


def test_a_letter_that_all_purchases_need_has_the_effect_one() -> None:
    found = removal_effects(
        transitions((START, "letter", 4), ("letter", "web", 2), ("letter", PURCHASE, 1), ("letter", NONE, 1),
                    ("web", PURCHASE, 1), ("web", NONE, 1))
    )  # fmt: skip
    assert found.to_dict() == {"letter": 1.0, "web": 0.5}


def test_without_a_purchase_nothing_has_an_effect() -> None:
    assert removal_effects(transitions((START, "letter", 4), ("letter", NONE, 4))).empty
    assert removal_effects(transitions()).empty


@pytest.mark.parametrize("seed", range(20))
def test_effects_are_those_of_chains_from_which_a_state_is_taken(seed: int) -> None:
    random = np.random.default_rng(seed)
    states = [START, *(f"s{number}" for number in range(random.integers(1, 6)))]
    rows = [
        (start, end, int(random.integers(1, 9)))
        for start in states
        for end in [*states[1:], PURCHASE, NONE]
        if (start != end and random.random() < 0.8) or end == NONE
    ]
    found = removal_effects(transitions(*rows))
    for removed, effect in found.items():
        assert effect == pytest.approx(1 - reached(rows, removed) / reached(rows, None), abs=2e-6)


def reached(rows: list[tuple[str, str, int]], removed: str | None) -> float:
    """Probability of a purchase, by walking a long time; whatever leads to the removed state leads nowhere."""
    total = pd.DataFrame(rows).groupby(0)[2].sum()
    at, bought = {START: 1.0}, 0.0
    for _ in range(3_000):
        then: dict[str, float] = {}
        for start, end, number in rows:
            share = at.get(start, 0.0) * number / total[start]
            if end == PURCHASE:
                bought += share
            elif end not in (NONE, removed):
                then[end] = then.get(end, 0.0) + share
        at = then
        if sum(at.values()) < 1e-12:
            break
    return bought
