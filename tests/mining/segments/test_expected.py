"""What customers are expected to bring, where tiers rank the future."""

import json

import numpy as np
import pytest

from mining.clv.models import Scorer, write_scorer
from mining.clv.spend import OnePrice
from mining.purchases import ParetoNBD
from mining.purchases.history import History
from mining.purchases.models.simulation import simulate
from mining.segments.expected import Expected
from mining.segments.histories import Purchases

LAST = 20_000


def test_expected_purchases_times_what_a_purchase_brings():
    """Ana bought on three days, Ben on one, Cleo not yet; everybody has brought 30 on four purchase days."""
    simulated, _ = simulate("pareto_nbd", (0.55, 10.6, 0.6, 11.7), 1_000, seed=1, weeks=(4, 104))
    model = ParetoNBD().fit(*simulated)
    spend = OnePrice().fit(np.array([1.0, 1.0]), np.array([5.0, 5.0]))
    content = json.dumps({"model": write_scorer(Scorer(model, spend, 1.0)), "horizon_days": 364})
    customer, day = np.array([0, 0, 0, 1, 2]), np.array([LAST - 280, LAST - 140, LAST - 70, LAST - 7, LAST + 1])
    found = Expected(content, Purchases(customer, day, 3)).at(LAST, np.array([24, 6, 0]))
    history = History(np.array([2.0, 0.0]), np.array([30.0, 0.0]), np.array([40.0, 1.0]))
    purchases = model.alive(history) * model.expected_if_alive(52.0, history)
    each = np.array([(24 + 2 * 7.5) / 5, (6 + 2 * 7.5) / 3])
    assert found[:2] == pytest.approx(purchases * each) and found[2] == 0
