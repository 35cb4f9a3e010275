"""The job `clv`: what a customer will buy and bring within a horizon, as a mean and as quantiles."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from mining import evaluation
from mining.clv import models, training
from mining.clv.scoring import MONEY, score, unscored
from mining.clv.training import BASELINE, train
from mining.contract import amount_type
from mining.protocol import Frames, Options, Table, TrainedJob
from mining.purchases import clock, regularity
from mining.sound import AMOUNT, COUNT, SHARE, Claims
from mining.store import STAMP, FeatureSet
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

SCHEMA = pa.schema(
    {
        **STAMP,
        "model_version": pa.string(),
        "time_unit": pa.string(),
        "horizon_days": pa.int32(),
        "annual_discount_rate": pa.float64(),
        "p_alive": pa.float64(),
        "expected_purchases": pa.float64(),
        "expected_spend": pa.float64(),
        "clv_future": amount_type(),
        "clv_future_p10": amount_type(),
        "clv_future_p50": amount_type(),
        "clv_future_p90": amount_type(),
        "expected_next_order_date": pa.date32(),
        "value_if_stays": amount_type(),
        "value_if_leaves": amount_type(),
        "unavailable_reason": pa.string(),
    }
)
CLAIMS = Claims(
    {"p_alive": SHARE, "expected_purchases": COUNT, **dict.fromkeys(("expected_spend", *MONEY), AMOUNT)},
    ascending=("clv_future_p10", "clv_future_p50", "clv_future_p90"),
)


class LifetimeValue(TrainedJob):
    """Future value of every customer who has bought."""

    name = "clv"
    baseline = BASELINE
    reads_calendar = True
    reads = clock.COLUMNS | regularity.COLUMNS | models.COLUMNS | training.COLUMNS | evaluation.COLUMNS
    tables: ClassVar[Mapping[str, Table]] = {"clv": Table(SCHEMA, CLAIMS)}

    def needs(self, settings: Settings) -> Options:
        """A model is judged for one horizon; the rate is recorded with it."""
        return {
            "horizon_days": settings.clv_horizon_days,
            "annual_discount_rate": settings.annual_discount_rate,
        }

    def options(self, settings: Settings) -> Options:
        """As `needs`, and the days in which a purchase says that a customer stays."""
        return {**self.needs(settings), "churn_horizon_days": settings.churn_horizon_days}

    def train(self, features: FeatureSet, needs: Options) -> Model:
        """See `training.train`."""
        return train(features, **needs)

    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:
        """See `scoring.score`."""
        assert model is not None
        return {"clv": score(features.at(features.as_of), model, currency=features.currency, **options)}

    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:
        """See `scoring.unscored`."""
        return {"clv": unscored(features.at(features.as_of), reason, **options)}


JOB = LifetimeValue()
