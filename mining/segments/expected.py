"""What customers are expected to bring, for tiers by future or total value."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from mining.clv.models import Scorer, read_scorer
from mining.jobs import scoring_model
from mining.protocol import TrainedJob
from mining.purchases.history import DAYS_PER_WEEK, check_history
from mining.registry import find_job
from mining.segments.dates import Ints
from mining.segments.histories import Floats, Purchases
from mining.store import EPOCH, FeatureSet
from pipeline.base.files import sha256_of
from pipeline.base.settings import Settings

MODEL = "clv_model"
PSEUDO_PURCHASES = 2.0
"""Weight, in purchase days, of what everybody brings per purchase day in what one customer brings."""


def with_model(features: FeatureSet, settings: Settings, sources: Sequence[str]) -> FeatureSet:
    """Add the lifetime value model that scores the day, where one is published; it is part of what follows."""
    job = find_job("clv")
    assert isinstance(job, TrainedJob)
    _, model = scoring_model(settings, job, as_of=features.as_of, sources=sources)
    if model is None:
        return features
    content = json.dumps({"model": model["model"], "horizon_days": settings.clv_horizon_days}, sort_keys=True)
    beside = {**features.beside, MODEL: pa.table({"content": [content]})}
    return replace(features, beside=beside, content_hash=sha256_of([features.content_hash, content]))


class Expected:
    """What each customer is expected to bring within the horizon of lifetime value, day after day.

    Expected purchase days of the published model, times what the customer has brought per purchase day, shrunk towards
    what everybody has. The model is that of the as-of day: another one restates the past of these tiers.

    Parameters
    ----------
    content
        What `with_model` added.
    purchases
        Of the customers.
    """

    def __init__(self, content: str, purchases: Purchases) -> None:
        stored = json.loads(content)
        self._scorer: Scorer = read_scorer(stored["model"])
        self._weeks = stored["horizon_days"] / DAYS_PER_WEEK
        self._purchases = purchases

    def at(self, day: int, brought: Ints) -> Floats:
        """Return it for a day, later than those asked for before; `brought` is what they have brought so far."""
        customers = len(brought)
        frame = self._purchases.at(day, customers)
        bought = frame["purchase_days"].to_numpy(float)
        who = np.flatnonzero(bought > 0)
        first = self._purchases.first[who]
        last = day - frame["recency_days"].to_numpy()[who].astype(np.int64)
        clock, model = self._scorer.clock, self._scorer.purchases
        history = check_history(bought[who] - 1, clock.weeks(first, last), clock.weeks(first, np.full(len(who), day)))
        weeks = clock.ahead(EPOCH + dt.timedelta(days=day)).weeks(self._weeks)
        typical = float(brought[who].sum() / max(bought.sum(), 1.0))
        each = (brought[who] + PSEUDO_PURCHASES * typical) / (bought[who] + PSEUDO_PURCHASES)
        result = np.zeros(customers)
        result[who] = model.alive(history) * model.expected_if_alive(weeks, history) * each
        return result
